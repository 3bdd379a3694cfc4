"""The landing ledger: what an agreed collaboration has to go through until patients have it."""

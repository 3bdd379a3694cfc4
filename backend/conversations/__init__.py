"""The conversation of a case: messages with files, private notes of brokers, and what happened, in one line."""

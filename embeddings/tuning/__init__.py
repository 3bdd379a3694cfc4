"""Tuning the default encoder on pairs of texts that belong together; needs the `tune` extra.

`pairs` makes the pairs, `negatives` mines hard ones, `loss` is the objective, `training` runs it, `adapter` packs what
was learned as the small difference to the base weights that the library loads by default.
"""

"""Scores on real recordings, with the sanity rows that every table carries.

The way of a clip:

    prepared data ── Selection ──> StoredClip
                                       │ identity_rules: whose face it is predicted on
                                       │ silence: when nobody speaks
    what is scored                   Case
                                       │
    beside what          sanity_rows: ScoredRow.draw(case)      <── predictors: the model
                                       │ (frames, 68, 2), crop pixels
                                   alignment: raw, clip, frame
                                       │ AlignedPair
    how                  metrics/catalogue: distance, velocity, lips, timing, spectrum
                         metrics/distribution: the mouths of all clips together
                                       │ scoring: row by row, clip by clip
    what came out                 ScoreSheet, one JSON          bootstrap: from clips to a Summary
                                       │
                         ┌─────────────┴──────────────┐
                     Evaluation             RunRecord (benchmark):
               a model and its rows         protocols x systems x seeds
                         │                            │
    how it is shown  evaluation_page            benchmark_page
                         └────── tables, figures ─────┘
"""

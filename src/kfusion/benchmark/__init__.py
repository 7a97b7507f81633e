"""The table of the paper, made anew: every system on the same data, budget and metrics, in one command.

The way of a run; how clips are scored, and what tables and figures look like, is `kfusion.evaluation`'s:

    protocols ── protocol_data: trained on, tested on
        │    ┌── systems: ours, its ablations, baselines, and the sanity rows
        ▼    ▼
       plan: a run for each seed
          │
       runner: a process each ──> worker: train (training_folder), measure (speed), score (system_scores)
                                      │
                                   run_record: one JSON a run
                                      │
                                   board: one protocol, all seeds together
                                      │
                                   benchmark_page, with findings and what is published
"""

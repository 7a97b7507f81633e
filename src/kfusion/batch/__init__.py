"""Recordings by the million: a manifest in, a result or a reason for every row of it out (docs/batch.md).

The way of a row:

manifest         the rows of a file, one at a time        survey: what is wrong with the file as a whole
   │
manifest_item    a row that was checked: what is animated, and what its result is called
   │ batch_run: pieces of rows, those of this machine, those that are not done
crew             who works at the same time: lanes        ray_crew: the same on a cluster
   │
lane             a process with limits, or the next one
   │ addresses: files from stores   speakers: faces, each read once
animator         one row to its files
   │
ledger           what is done, whatever happens           landmark_shards: the files of a piece as one Parquet file
"""

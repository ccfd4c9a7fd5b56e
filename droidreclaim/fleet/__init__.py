"""
Many devices on many hosts: one run on all of them, and one report.

====================================  ==========================================================
`form`, `devices`, `look`, `table`    the fleet's file, its devices, and what of them is attached
`jobs`, `engine`, `play`, `record`    a run: who may do what, one attempt, every attempt's record
`hands`, `over_dask`, `at_worker`     how the engine reaches a device: a subprocess, or a worker
`state`, `keeper`, `host`, `orphans`  what `fleet up` has started: here, and at each host
`phones`, `channel`                   pocket phones of a host, and the pipe that holds all of that
`outcomes`, `groups`, `gather`        what the jobs came to, read from their folders
`page`, `junit`                       that as a page, and for CI
====================================  ==========================================================
"""

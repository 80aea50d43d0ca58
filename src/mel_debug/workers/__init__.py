"""Where the work on many photos is done: in this process, in more of this machine, on a cluster.

`executors.open_executor` says where, `stream.stream` hands out the work and gives back what comes
of it, `stages.stages_of` builds what the work needs, once in each process.
"""

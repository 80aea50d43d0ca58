"""Where the work on many photos is done: in this process, in more of this machine, on a cluster.

`executors.open_executor` says where, and `stream.stream` hands out the work and gives back what
comes of it. `describing.describe` is such work. A worker finds plugins and weights by itself.
"""

"""Work on many photos: in this process, in several processes of this machine, or on a cluster."""

-- Where runs that were cut off can go on: all of their history up to here is in the database, and the state of the replay in a file
-- beside it, NAME.checkpoint-NUMBER. No row: nothing to go on from. Gone when the runs are complete.

CREATE TABLE _checkpoint (
  number INTEGER PRIMARY KEY,
  ordinal INTEGER NOT NULL,
  accesses INTEGER NOT NULL
) STRICT;

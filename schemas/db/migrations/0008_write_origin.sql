-- Schema 8. What each write of a companion run rests on: the run of a capture that was made of a trace, held against that trace.
-- origin: 1 seen, 2 derived, 3 earlier, 4 missing.
CREATE TABLE _write_origin (
  run INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  PRIMARY KEY (run, ordinal, seq)
) STRICT, WITHOUT ROWID;

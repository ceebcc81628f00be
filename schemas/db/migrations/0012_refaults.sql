-- Schema 12. Leaf entries that faults set, by what had become of the entry of this frame and level before. Runs that were stored earlier have no
-- rows here; all others have one of why 0, without ordinals where there is no mapping.
--
-- why: 0 first mapping, 1 was taken away, 2 is in another table, 3 how it went is not shown, 16 and more: it was something else, of this kind.
-- chain_id: -1 where nothing took it away.
CREATE TABLE _refault_tally (
  run INTEGER NOT NULL,
  why INTEGER NOT NULL,
  chain_id INTEGER NOT NULL,
  mappings INTEGER NOT NULL,
  faults INTEGER NOT NULL,
  frames INTEGER NOT NULL,
  first_ordinal INTEGER,
  last_ordinal INTEGER,
  PRIMARY KEY (run, why, chain_id)
) STRICT, WITHOUT ROWID;

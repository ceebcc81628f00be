-- Schema 6. Faults of nested guests (L2) in runs of mode `observed`.
CREATE TABLE _nested_fault (
  run INTEGER NOT NULL,
  fault_id INTEGER NOT NULL,
  PRIMARY KEY (run, fault_id)
) STRICT, WITHOUT ROWID;

-- Page walks by what they cost, for comparing modes: see the view walk_summary.

CREATE TABLE _walk_count (
  run INTEGER NOT NULL,
  first_ordinal INTEGER NOT NULL,
  guest_references INTEGER NOT NULL,
  kvm_references INTEGER NOT NULL,
  walks INTEGER NOT NULL,
  PRIMARY KEY (run, first_ordinal, guest_references, kvm_references)
) STRICT, WITHOUT ROWID;

-- What a run's answer rests on: each kind of note that occurred, its first, and what the capture cannot carry (JSON; NULL: the run was
-- stored before this was kept). bearing: 0 gap, 1 loss, 2 disagreement.

-- requester: NULL: the host, or not known; targets: vCPUs that must flush, NULL: not known.
ALTER TABLE _tlb_flush ADD COLUMN requester INTEGER;
ALTER TABLE _tlb_flush ADD COLUMN targets INTEGER;

ALTER TABLE _run ADD COLUMN capture_blind TEXT;

CREATE TABLE _verdict (
  run INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  bearing INTEGER NOT NULL,
  count INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  vcpu INTEGER NOT NULL,
  rip INTEGER NOT NULL,
  gva INTEGER NOT NULL,
  recorded INTEGER NOT NULL,
  modelled INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (run, kind)
) STRICT, WITHOUT ROWID;

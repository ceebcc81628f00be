-- Schema 9. Which page tables the guest ran on, as far as the capture or the trace shows its CR3: what tells its processes apart.
CREATE TABLE _guest_cr3 (
  run INTEGER NOT NULL,
  vcpu INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (run, ordinal, vcpu)
) STRICT, WITHOUT ROWID;

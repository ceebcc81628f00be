-- title: Runs
-- description: What the database holds: each run with its mode, host, size and hash.
-- answer: run, name, mode, complete, exits, faults, writes, profile
-- empty: there is no run in this database yet.
SELECT
  run, name, mode, complete, capture, profile, backing, detail, accesses, last_seq AS records,
  (SELECT value FROM counter AS c WHERE c.run = r.run AND c.name = 'vm_exits') AS exits,
  (SELECT value FROM counter AS c WHERE c.run = r.run AND c.name = 'faults') AS faults,
  (SELECT value FROM counter AS c WHERE c.run = r.run AND c.name = 'table_writes') AS writes,
  history_hash
FROM run AS r
ORDER BY run;

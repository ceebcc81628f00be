-- title: Counters of all runs
-- description: Every counter that is not zero in all runs, a row for each run, those that KVM keeps in debugfs under KVM's names.
-- param name text = '%': Pattern of names (LIKE), such as pf_%.
-- answer: name, run, value
-- empty: no counter of that name is other than 0 in any run.
SELECT c.name, r.name AS run, c.value, c.meaning
FROM counter AS c
JOIN run AS r ON r.run = c.run
WHERE c.name LIKE :name
  AND EXISTS (SELECT 1 FROM counter AS other WHERE other.name = c.name AND other.value <> 0)
ORDER BY c.name, r.run;

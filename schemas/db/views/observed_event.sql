-- Every event of the trace that an observed run was imported from: when, where, and in which thread of the host.
--
-- Joins to everything else by `run` and `ordinal`. Only observed runs have rows here.
CREATE VIEW observed_event (
  run,     -- integer > run.run: Which run.
  ordinal, -- integer: The event's place in the trace, from 0: what every view calls the trace event.
  line,    -- integer: Its line in the file, from 1.
  time,    -- integer: Nanoseconds where the trace has seconds with a fraction, otherwise the number of its clock.
  cpu,     -- integer: The host's CPU.
  pid,     -- integer: The host's thread.
  task,    -- text: The thread's name, such as `CPU 0/KVM`.
  name,    -- text: The event, such as `kvm_exit`.
  probed,  -- text: The function that a kprobe or kretprobe of this name stands on; NULL: a tracepoint.
  fields   -- text: What stands behind the name, as JSON: `text`, and each `name=value` in it. NULL where rows of other views tell it.
) AS
SELECT
  e.run, e.ordinal, e.line, e.time, e.cpu, e.pid,
  (SELECT t.task FROM _trace_task AS t WHERE t.run = e.run AND t.task_id = e.task_id),
  (SELECT n.name FROM _trace_name AS n WHERE n.run = e.run AND n.name_id = e.name_id),
  (SELECT n.probed_function FROM _trace_name AS n WHERE n.run = e.run AND n.name_id = e.name_id),
  e.fields
FROM _trace_event AS e;

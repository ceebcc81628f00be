-- One row for each replay of a capture in one mode.
--
-- Everything else refers to it by `run`. A row with `complete` 0 was interrupted or killed: its history stops somewhere, and no count over it means anything.
CREATE VIEW run (
  run,              -- integer: Number of the run, from 1 in order of creation.
  name,             -- text: Its name: the mode, with a number behind it when the mode was run before (`ept`, `ept-2`).
  mode,             -- text: Which MMU of KVM was replayed: `ept`, `ept-tdp`, `npt`, `npt-tdp`, `shadow`; `observed`: imported from a real KVM.
  entry_format,     -- text: Format of the table entries: `ept` or `x86` (NPT and shadow tables).
  complete,         -- boolean: The replay reached the end and everything it reported is stored, with its indexes.
  history_hash,     -- text: Hash of the whole history (XxHash128, hexadecimal). Equal hashes mean equal histories.
  capture,          -- text: The capture as it was named when it was replayed.
  capture_hash,     -- text: SHA-256 of the capture's manifest: its identity.
  capture_source,   -- text: What recorded it: `qemu`, `bochs`, `synthetic`, `ftrace`.
  capture_complete, -- boolean: The recording was closed properly.
  capture_filter,   -- text: The page filter of a filtered recording as JSON, else NULL.
  capture_blind,    -- text: What the recording cannot see, a JSON array; NULL for a run that an older version stored.
  profile,          -- text: Host profile: CPU and module parameters, such as `intel`.
  backing,          -- text: How the host backs guest memory: `4k` or `thp`, with `-lazy` where it was not populated beforehand.
  kernel,           -- text: Kernel whose KVM is modelled.
  tool,             -- text: Version of the tool that replayed it.
  model,            -- text: Version of the model: what makes two tools' histories comparable.
  options,          -- text: Further options of the replay as JSON.
  detail,           -- text: What is stored: `all`, `leaf` (only writes that set or clear leaf entries), `counters` (only counters and summaries).
  has_rmap,         -- boolean: Changes of the reverse maps are stored.
  first_ordinal,    -- integer: Ordinal of the first trace event replayed.
  last_ordinal,     -- integer: Ordinal of the last trace event replayed.
  accesses,         -- integer: Accesses replayed.
  events,           -- integer: Events (all that is no plain access) replayed.
  last_seq,         -- integer: Number of records in the history.
  max_rows,         -- integer: Rows that were to be stored at most, NULL: all.
  rows_to_ordinal,  -- integer: There are rows up to this ordinal only, because there were `max_rows`; counters and summaries go on. NULL: all are stored.
  stretch           -- integer: Ordinals of a stretch of `activity` and `table_memory`, NULL for a run that an older version stored without them.
) AS
SELECT
  run, name, mode, entry_format, complete, history_hash, capture, capture_hash, capture_source, capture_complete, capture_filter, capture_blind,
  profile, backing, kernel, tool, model, options, detail, has_rmap, first_ordinal, last_ordinal, accesses, events, last_seq,
  max_rows, rows_to_ordinal, 1 << stretch_shift
FROM _run;

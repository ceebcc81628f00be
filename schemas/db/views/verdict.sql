-- What a run says of model and capture together: a row for each kind of note that occurred, with the first of them.
--
-- No row with `disagreement` or `loss`: model and recorded CPU agreed wherever they were compared. Rows with `gap`, and `run.capture_blind`, are what that answer does not reach.
CREATE VIEW verdict (
  run,          -- integer > run.run: Which run.
  kind,         -- text: As in `model_note`.
  bearing,      -- text: `disagreement`: model and recorded CPU parted; `loss`: the capture lacks something that the guest did, so that agreement says nothing; `gap`: something that the replay did not do or could not know.
  count,        -- integer: How often.
  ordinal,      -- integer: Trace event of the first.
  vcpu,         -- integer: Its vCPU.
  rip,          -- address: Its instruction; 0: the capture does not tell.
  rip_hex,      -- hex: The same.
  reason        -- text: What it says.
) AS
SELECT
  run,
  CASE kind
    WHEN 1 THEN 'translation_differs' WHEN 2 THEN 'unexpected_guest_fault' WHEN 3 THEN 'missing_guest_fault' WHEN 4 THEN 'guest_fault_code_differs'
    WHEN 5 THEN 'unknown_table_content' WHEN 6 THEN 'zap_off_flush_point' WHEN 7 THEN 'mmio_differs' WHEN 8 THEN 'event_not_modelled'
    WHEN 9 THEN 'no_progress' WHEN 10 THEN 'triple_fault' WHEN 11 THEN 'lost_events' WHEN 12 THEN 'damaged_line' WHEN 13 THEN 'nested_not_followed'
    WHEN 14 THEN 'feature_not_offered'
    ELSE CAST(kind AS TEXT) END,
  CASE bearing WHEN 0 THEN 'gap' WHEN 1 THEN 'loss' ELSE 'disagreement' END, count, ordinal, vcpu, rip, printf('0x%x', rip), reason
FROM _verdict;

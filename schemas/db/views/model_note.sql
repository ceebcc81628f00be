-- What the model does not do, and where it disagrees with the capture: named and counted, never silent.
--
-- The first thousand of each kind are rows here; `counter` has how many there were (`note_*`).
CREATE VIEW model_note (
  run,          -- integer > run.run: Which run.
  ordinal,      -- integer: The trace event.
  seq,          -- integer: Place in the run's history of the record before it.
  vcpu,         -- integer: The vCPU.
  kind,         -- text: `translation_differs`, `unexpected_guest_fault`, `missing_guest_fault`, `guest_fault_code_differs`, `unknown_table_content`, `zap_off_flush_point`, `mmio_differs`, `event_not_modelled`, `no_progress`, `triple_fault`, `lost_events`, `damaged_line`, `nested_not_followed`, `feature_not_offered`.
  gva,          -- address: The address concerned.
  gva_hex,      -- hex: The same.
  recorded,     -- address: What the capture says (an address or a code); of `lost_events` in a trace how many, NULL where it does not say; of `damaged_line` the line's number; of `nested_not_followed` the address of the VMCB, or how many VMRUNs and VMXONs the recorder did not follow.
  recorded_hex, -- hex: The same.
  modelled,     -- address: What the model says; of `feature_not_offered` the register (3: CR3, 4: CR4, 8: EFER), whose bits `recorded` has; of `nested_not_followed` why: 1 VMRUN on an Intel host, 2 VMLAUNCH on an AMD host, 3 nested page tables under shadow paging, 4 a nested guest's own guest.
  modelled_hex, -- hex: The same.
  guest         -- text: Who ran: `L1` or `L2`; NULL: nobody, or not known.
) AS
SELECT
  run, ordinal, seq, vcpu,
  CASE kind
    WHEN 1 THEN 'translation_differs' WHEN 2 THEN 'unexpected_guest_fault' WHEN 3 THEN 'missing_guest_fault' WHEN 4 THEN 'guest_fault_code_differs'
    WHEN 5 THEN 'unknown_table_content' WHEN 6 THEN 'zap_off_flush_point' WHEN 7 THEN 'mmio_differs' WHEN 8 THEN 'event_not_modelled'
    WHEN 9 THEN 'no_progress' WHEN 10 THEN 'triple_fault' WHEN 11 THEN 'lost_events' WHEN 12 THEN 'damaged_line' WHEN 13 THEN 'nested_not_followed'
    WHEN 14 THEN 'feature_not_offered'
    ELSE CAST(kind AS TEXT) END,
  gva, CASE WHEN gva IS NOT NULL THEN printf('0x%x', gva) END, recorded, CASE WHEN recorded IS NOT NULL THEN printf('0x%x', recorded) END, modelled, CASE WHEN modelled IS NOT NULL THEN printf('0x%x', modelled) END,
  CASE WHEN context = 0 THEN 'L1' WHEN context IN (1, 2, 4) THEN 'L2' END
FROM _model_note;

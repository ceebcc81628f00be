-- The whole history in one line an event: what `replay events` prints. Order it by `run`, `ordinal`, `seq`.
CREATE VIEW event (
  run,      -- integer > run.run: Which run.
  ordinal,  -- integer: The trace event.
  seq,      -- integer: Place in the run's history; NULL for the access that began it all.
  kind,     -- text: `access`, `exit`, `fault`, `write`, `page`, `root`, `flush`, `rmap`, `guest_fault`, `guest_state`, `note`.
  vcpu,     -- integer: The vCPU.
  table_id, -- integer > table_page.table_id: The table concerned, else NULL.
  gfn,      -- integer: The guest frame concerned, else NULL.
  text      -- text: The line.
) AS
SELECT run, ordinal, CAST(NULL AS INTEGER), 'access', vcpu, CAST(NULL AS INTEGER), CAST(gpa >> 12 AS INTEGER), CASE guest WHEN 'L2' THEN 'L2 ' ELSE '' END || kind || ' ' || gva_hex || coalesce(' gpa ' || gpa_hex, '') || ' size ' || size
    || CASE WHEN user THEN ' user' ELSE '' END || CASE WHEN implicit THEN ' implicit' ELSE '' END || CASE WHEN mmio THEN ' mmio' ELSE '' END
    || coalesce(' value ' || value_hex, '') || CASE WHEN rip THEN ' rip ' || rip_hex ELSE '' END
  FROM access
UNION ALL
SELECT run, ordinal, seq, 'exit', vcpu, CAST(NULL AS INTEGER), CAST(CASE WHEN reason IN ('EPT_VIOLATION', 'EPT_MISCONFIG', 'NPF') THEN info2 >> 12 END AS INTEGER),
    '#' || exit_id || CASE guest WHEN 'L2' THEN ' L2 ' ELSE ' ' END || reason || ' info1 ' || coalesce(info1_hex, '?') || ' info2 ' || coalesce(info2_hex, '?')
    || CASE WHEN access IS NOT NULL THEN ' (' || access || CASE final WHEN 1 THEN ', final' WHEN 0 THEN ', table walk' ELSE '' END || ')' ELSE '' END
  FROM vm_exit
UNION ALL
SELECT run, ordinal, seq, 'fault', vcpu, CAST(NULL AS INTEGER), CAST(address >> 12 AS INTEGER),
    '#' || fault_id || CASE guest WHEN 'L2' THEN ' L2 ' ELSE ' ' END || coalesce(handler, '?') || ' ' || address_hex || ' gva ' || coalesce(gva_hex, '?') || ' error ' || error_code_hex || ' -> '
    || coalesce(outcome, '?')
    || CASE WHEN mapped_level > 0 THEN ' at level ' || mapped_level ELSE '' END || ', ' || writes || CASE writes WHEN 1 THEN ' write' ELSE ' writes' END
  FROM fault
UNION ALL
SELECT run, ordinal, seq, 'write', CAST(vcpu AS INTEGER), table_id, gfn,
    'T' || table_id || '[' || idx || '] level ' || level || ' gfn ' || coalesce(gfn_hex, '?') || ' ' || coalesce(old_hex, '?') || ' -> ' || coalesce(new_hex, '?')
    || ' (' || old_kind || coalesce(' ' || old_rights, '') || ' -> ' || new_kind || coalesce(' ' || new_rights, '') || ') by ' || function
  FROM table_write
UNION ALL
SELECT run, ordinal, seq, 'page', vcpu, table_id, gfn,
    operation || ' T' || table_id || ' level ' || level || ' gfn ' || gfn_hex || coalesce(' role ' || role_hex, '') || ' by ' || function
  FROM page_operation
UNION ALL
SELECT run, ordinal, seq, 'root', vcpu, table_id, CAST(NULL AS INTEGER), operation || ' T' || table_id || coalesce(' ' || value_hex, '') || ' by ' || function
  FROM root_change
UNION ALL
SELECT run, ordinal, seq, 'flush', vcpu, CAST(NULL AS INTEGER), CAST(CASE kind WHEN 'remote_range' THEN start END AS INTEGER),
    kind || CASE kind WHEN 'remote_range' THEN ' gfn ' || start_hex || ' pages ' || pages WHEN 'gva' THEN ' ' || start_hex ELSE '' END || ' by ' || function
    || coalesce(CASE WHEN kind LIKE 'remote%' AND targets LIKE '0-%' THEN ' for vCPUs ' || targets WHEN requester <> CAST(vcpu AS TEXT) THEN ' asked for by ' || CASE requester WHEN 'host' THEN 'the host' ELSE 'vCPU ' || requester END END, '')
  FROM tlb_flush
UNION ALL
SELECT run, ordinal, seq, 'rmap', CAST(NULL AS INTEGER), table_id, gfn,
    operation || ' gfn ' || gfn_hex || ' T' || table_id || '[' || idx || ']' || coalesce(' child T' || child_id, '')
  FROM rmap_change
UNION ALL
SELECT run, ordinal, seq, 'guest_fault', vcpu, CAST(NULL AS INTEGER), CAST(NULL AS INTEGER),
    CASE guest WHEN 'L2' THEN 'L2 ' ELSE '' END || '#PF ' || coalesce(gva_hex, '?') || printf(' error 0x%x', error_code) || CASE WHEN recorded THEN '' ELSE ' (not in the capture)' END
  FROM guest_fault
UNION ALL
SELECT run, ordinal, seq, 'guest_state', CAST(vcpu AS INTEGER), CAST(NULL AS INTEGER), CAST(vmcb >> 12 AS INTEGER),
    CASE cause
      WHEN 'vmexit' THEN 'L1 gets ' || coalesce(code_name, '?') || coalesce(' info1 ' || info1_hex || ' info2 ' || info2_hex, '')
      WHEN 'registers' THEN coalesce(guest, '?') || printf(' cr0 0x%x cr3 0x%x cr4 0x%x efer 0x%x', cr0, cr3, cr4, efer)
      ELSE 'L2 runs' || CASE cause WHEN 'reentry' THEN ' on' ELSE '' END || coalesce(', ncr3 ' || nested_root_hex, '') || coalesce(printf(', cr3 0x%x', cr3), '')
        || coalesce(', asid ' || asid, '') || coalesce(', tlb_control ' || nullif(tlb_control, 0), '')
    END || CASE WHEN cause <> 'registers' THEN coalesce(', vmcb ' || vmcb_hex, '') ELSE '' END
  FROM guest_state
UNION ALL
SELECT run, ordinal, seq, 'note', vcpu, CAST(NULL AS INTEGER), CAST(NULL AS INTEGER), kind || coalesce(' ' || gva_hex, '') || coalesce(' recorded ' || recorded_hex, '') || coalesce(' modelled ' || modelled_hex, '')
  FROM model_note;

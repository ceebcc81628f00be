using Replay.Replayer.History;
using Replay.Replayer.Session;
using Replay.Trace;

namespace Replay.Replayer;

/// <summary>
/// What a replay says of model and capture together: whether they parted, and what that answer rests on. The one place that knows
/// which notes are disagreements and what each means.
/// </summary>
/// <param name="Checked">Translations that were compared.</param>
/// <param name="Disagreements">Model and recorded CPU parted.</param>
/// <param name="Losses">The capture lacks something that the guest did: agreement with it says nothing.</param>
/// <param name="Gaps">What the replay did not do or could not know: the answer says nothing of it.</param>
/// <param name="Unseen">What the capture cannot carry, in its manifest's words.</param>
public sealed record Verdict(
    long Checked, IReadOnlyList<VerdictMark> Disagreements, IReadOnlyList<VerdictMark> Losses, IReadOnlyList<VerdictMark> Gaps, IReadOnlyList<string> Unseen)
{
    /// <summary>Model and recorded CPU agreed wherever they were compared, and the capture has all that this needs.</summary>
    public bool Holds => Disagreements.Count == 0 && Losses.Count == 0;

    /// <summary><c>exact</c>, <c>differs</c> or <c>none</c>.</summary>
    public string Answer => Disagreements.Count > 0 ? "differs" : Losses.Count > 0 || Checked == 0 ? "none" : "exact";

    public static Verdict Of(ReplayResult result, IReadOnlyList<string> unseen)
    {
        ArgumentNullException.ThrowIfNull(result);
        return Of(result.Verify.Checked, Marks(result.NoteCounts, result.FirstNotes), unseen);
    }

    public static Verdict Of(long translationsChecked, IEnumerable<VerdictMark> marks, IReadOnlyList<string> unseen)
    {
        var all = marks.ToList();
        IReadOnlyList<VerdictMark> With(Bearing bearing) => [.. all.Where(mark => mark.Bearing == bearing)];
        return new Verdict(translationsChecked, With(Bearing.Disagreement), With(Bearing.Loss), With(Bearing.Gap), unseen);
    }

    /// <summary>A mark for each kind of note that occurred.</summary>
    /// <param name="counts">By the note's number.</param>
    /// <param name="first">By the note's number.</param>
    public static IEnumerable<VerdictMark> Marks(IReadOnlyList<long> counts, IReadOnlyList<ModelNoteRecord> first)
    {
        ArgumentNullException.ThrowIfNull(counts);
        ArgumentNullException.ThrowIfNull(first);
        foreach (var kind in Enum.GetValues<ModelNote>())
        {
            if ((int)kind < counts.Count && counts[(int)kind] > 0)
                yield return new VerdictMark(kind, counts[(int)kind], (int)kind < first.Count ? first[(int)kind] : default);
        }
    }

    /// <summary>One line: the answer, and what parted.</summary>
    public override string ToString() => Answer switch
    {
        "exact" => $"exact: {Checked} translations checked, none differs",
        "none" when Losses.Count == 0 => "no verdict: there was no translation of a CPU to compare with",
        "none" => $"no verdict{(Losses.Any(mark => mark.IsOfCapture) ? ", the capture is NOT EXACT" : "")}: {string.Join("; ", Losses.Select(mark => mark.Reason))}",
        _ => $"DIFFERS: {string.Join(", ", Disagreements.Select(mark => $"{mark.Count} {mark.Name}"))}; {Checked} translations checked",
    };
}

/// <summary>A kind of note that occurred.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Count">How often.</param>
/// <param name="First">The first of them.</param>
public sealed record VerdictMark(ModelNote Kind, long Count, ModelNoteRecord First)
{
    public string Name => ModelNotes.Name(Kind);

    public Bearing Bearing => ModelNotes.BearingOf(Kind);

    /// <summary>It was noted where the capture was opened or at a gap in it, not where this mode met something that it does not do.</summary>
    public bool IsOfCapture => Kind == ModelNote.LostEvents || (Kind == ModelNote.NestedNotFollowed && First.Gva == 0);

    /// <summary>What the first one says.</summary>
    public string Reason => ModelNotes.Explain(First with { Kind = Kind });

    /// <summary>Where the first one is: ordinal, vCPU, instruction.</summary>
    public string Place => $"ordinal {First.Ordinal}, vCPU {First.Vcpu}, rip {(First.Rip == 0 ? "not recorded" : $"0x{First.Rip:x}")}";

    /// <summary>One line: what, how often, where first and why.</summary>
    public override string ToString() => Kind == ModelNote.NestedNotFollowed && IsOfCapture ? $"{Name}: {Reason}" : $"{Name} ({Count}): first at {Place}: {Reason}";
}

/// <summary>What a note means for a verdict.</summary>
public enum Bearing
{
    /// <summary>Something that the replay does not do or cannot know: the verdict does not reach it.</summary>
    Gap,

    /// <summary>The capture does not show all that the guest did: there is no verdict.</summary>
    Loss,

    /// <summary>Model and recorded CPU parted.</summary>
    Disagreement,
}

/// <summary>What notes mean.</summary>
public static class ModelNotes
{
    /// <summary>The note's name, as the database has it.</summary>
    public static string Name(ModelNote kind) => SnakeCase.Of(kind);

    public static Bearing BearingOf(ModelNote kind) => kind switch
    {
        ModelNote.TranslationDiffers or ModelNote.UnexpectedGuestFault or ModelNote.MissingGuestFault or ModelNote.GuestFaultCodeDiffers
            or ModelNote.UnknownTableContent or ModelNote.MmioDiffers or ModelNote.NoProgress or ModelNote.TripleFault => Bearing.Disagreement,
        ModelNote.NestedNotFollowed or ModelNote.LostEvents => Bearing.Loss,
        ModelNote.ZapOffFlushPoint or ModelNote.EventNotModelled or ModelNote.DamagedLine or ModelNote.FeatureNotOffered => Bearing.Gap,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "No verdict knows this note."),
    };

    /// <summary>One note in words.</summary>
    public static string Explain(in ModelNoteRecord note) => note.Kind switch
    {
        ModelNote.TranslationDiffers => $"gva 0x{note.Gva:x} ends at 0x{note.Recorded:x} in the capture and at 0x{note.Modelled:x} in the model",
        ModelNote.UnexpectedGuestFault => $"the access to gva 0x{note.Gva:x} went through at gpa 0x{note.Recorded:x}; the model says #PF, error code 0x{note.Modelled:x}",
        ModelNote.MissingGuestFault => $"the guest took a #PF at gva 0x{note.Gva:x}, error code 0x{note.Recorded:x}; in the model the access goes through",
        ModelNote.GuestFaultCodeDiffers => $"the #PF at gva 0x{note.Gva:x} has error code 0x{note.Recorded:x} in the capture and 0x{note.Modelled:x} in the model",
        ModelNote.UnknownTableContent => $"a walk for gva 0x{note.Gva:x} reads a page table whose content the capture does not have",
        ModelNote.ZapOffFlushPoint => $"an entry of gpa 0x{note.Gva:x} lost something where the page filter was not emptied: accesses that would have faulted may have been dropped",
        ModelNote.MmioDiffers => $"the access to gva 0x{note.Gva:x} (gpa 0x{note.Recorded:x}) is a device's on one side and RAM's on the other",
        ModelNote.EventNotModelled => $"an event at 0x{note.Gva:x} that this mode does not model",
        ModelNote.NoProgress => $"the access to gva 0x{note.Gva:x} never completes in the model",
        ModelNote.TripleFault => "the guest shuts down in the model and went on in the capture",
        ModelNote.LostEvents => "the capture lost events here",
        ModelNote.DamagedLine => $"line {note.Recorded} could not be used",
        ModelNote.NestedNotFollowed when note.Gva != 0 => $"a nested guest is entered, {WhyNotFollowed((NestedRefusal)note.Modelled)}: all that it did is passed over",
        ModelNote.NestedNotFollowed =>
            $"{note.Recorded} VMRUN or VMXON instruction{(note.Recorded == 1 ? "" : "s")} not followed by the recorder: accesses of a nested guest stand in the capture as its hypervisor's",
        ModelNote.FeatureNotOffered => $"the guest uses {OfferedFeatures.Describe((int)note.Modelled, note.Recorded)}, which the modelled KVM offers no guest in this mode",
        _ => throw new ArgumentOutOfRangeException(nameof(note), note.Kind, "No verdict knows this note."),
    };
    private static string WhyNotFollowed(NestedRefusal why) => why switch
    {
        NestedRefusal.SvmOnIntel => "by VMRUN, which an Intel host offers no guest; on an AMD host (npt, npt-tdp, or shadow with --host amd) it is followed",
        NestedRefusal.VmxOnAmd => "by VMLAUNCH, which an AMD host offers no guest; on an Intel host (ept, ept-tdp) it is followed",
        NestedRefusal.TablesUnderShadowPaging => "with nested page tables, which KVM offers no guest under shadow paging",
        NestedRefusal.GuestOfNestedGuest => "by a nested guest, which KVM offers none",
        _ => "which the model does not follow",
    };
}

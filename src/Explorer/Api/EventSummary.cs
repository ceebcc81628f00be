namespace Replay.Explorer.Api;

/// <summary>One trace event of a run in a line.</summary>
internal sealed class EventSummary
{
    public required long Ordinal { get; init; }

    public long? Vcpu { get; set; }

    public string? Access { get; set; }

    public string? Gva { get; set; }

    public string? Gpa { get; set; }

    public string? Rip { get; set; }

    public List<string> Exits { get; } = [];

    /// <summary>Of the faults that KVM handled.</summary>
    public List<string> Outcomes { get; } = [];

    /// <summary>Of the first fault.</summary>
    public string? Address { get; set; }

    public long Writes { get; set; }

    public long? LowestLevel { get; set; }

    public long? HighestLevel { get; set; }

    /// <summary>Where one function alone wrote.</summary>
    public string? Function { get; set; }

    public long PagesMade { get; set; }

    public long PagesZapped { get; set; }

    public long Flushes { get; set; }

    public long GuestFaults { get; set; }

    public List<string> Roots { get; } = [];
}

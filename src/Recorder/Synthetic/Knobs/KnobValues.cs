using Replay.Trace;

namespace Replay.Recorder.Synthetic;

/// <summary>The knobs of one run: those given, the others at their defaults, all checked.</summary>
public sealed class KnobValues
{
    private readonly SortedDictionary<string, string> _texts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Knob> _knobs;

    /// <param name="workload">Name of the workload, for messages.</param>
    /// <param name="knobs">The knobs it has.</param>
    /// <param name="given">Values by name.</param>
    /// <exception cref="WorkloadUsageException">A knob does not exist, or a value is none it takes.</exception>
    public KnobValues(string workload, IReadOnlyList<Knob> knobs, IEnumerable<KeyValuePair<string, string>> given)
    {
        _knobs = knobs.ToDictionary(knob => knob.Name, StringComparer.Ordinal);
        foreach (var knob in knobs)
            _texts[knob.Name] = knob.Default;
        foreach (var (name, text) in given)
        {
            if (!_knobs.TryGetValue(name, out var knob))
                throw new WorkloadUsageException($"Workload {workload} has no knob \"{name}\": {DidYouMean.Choose(name, _texts.Keys.Order(StringComparer.Ordinal))}");
            if (!Accepts(knob, text))
                throw new WorkloadUsageException($"Knob {name} of workload {workload} cannot be \"{text}\": it takes {knob.Expectation()}.");
            _texts[name] = text;
        }
    }

    /// <summary>Name and text of every knob, sorted by name.</summary>
    public IReadOnlyDictionary<string, string> Texts => _texts;

    public long Number(string name)
        => _knobs[name].ParseNumber(_texts[name]) ?? throw new InvalidOperationException($"Knob {name} has no valid default.");

    public int Count(string name) => (int)Math.Min(Number(name), int.MaxValue);

    public ulong Bytes(string name) => (ulong)Number(name);

    public bool Flag(string name) => string.Equals(_texts[name], "true", StringComparison.Ordinal);

    public string Choice(string name) => _texts[name];

    public bool Has(string name) => _knobs.ContainsKey(name);

    private static bool Accepts(Knob knob, string text) => knob.Kind switch
    {
        KnobKind.Flag => text is "true" or "false",
        KnobKind.Choice => knob.Choices.Contains(text, StringComparer.Ordinal),
        _ => knob.ParseNumber(text) is not null,
    };
}

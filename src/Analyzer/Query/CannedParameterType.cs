namespace Replay.Analyzer.Query;

/// <summary>What a canned query's parameter takes.</summary>
public enum CannedParameterType
{
    /// <summary>A decimal or <c>0x</c> hexadecimal number.</summary>
    Integer,

    Text,

    /// <summary>A run, by number or name.</summary>
    Run,
}

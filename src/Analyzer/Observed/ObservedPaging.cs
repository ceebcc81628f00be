namespace Replay.Analyzer.Observed;

/// <summary>How the observed host translates the guest's addresses.</summary>
public enum ObservedPaging
{
    Ept = 1,
    Npt = 2,
    Shadow = 3,
}

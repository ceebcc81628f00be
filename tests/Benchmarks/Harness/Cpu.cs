namespace Replay.Benchmarks;

/// <summary>Measures in CPU time of the whole process, user and system, all threads: it does not grow with what else the machine does.</summary>
internal static class Cpu
{
    /// <summary>Runs once to warm up, then <paramref name="rounds"/> times.</summary>
    public static Samples Measure(int rounds, Action action)
    {
        action();
        var seconds = new double[rounds];
        for (var i = 0; i < rounds; i++)
            seconds[i] = Seconds(action);
        return new Samples(seconds);
    }

    /// <summary>
    /// Runs two in turn, so that both see the same machine, and gives the time of the second over that of the first, round by round:
    /// a ratio holds where the times themselves do not.
    /// </summary>
    public static (Samples First, Samples Second, Samples Ratio) Paired(int rounds, Action first, Action second)
    {
        first();
        second();
        var a = new double[rounds];
        var b = new double[rounds];
        for (var i = 0; i < rounds; i++)
        {
            a[i] = Seconds(first);
            b[i] = Seconds(second);
        }
        return (new Samples(a), new Samples(b), new Samples([.. a.Zip(b, static (x, y) => y / x)]));
    }

    /// <summary>Of one run.</summary>
    public static double Seconds(Action action)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = Environment.CpuUsage.TotalTime;
        action();
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }
}

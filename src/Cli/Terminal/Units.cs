namespace Replay.Cli.Terminal;

/// <summary>Numbers as a person reads them.</summary>
internal static class Units
{
    public static string Count(long value) => value.ToString("#,0");

    /// <summary>So many of a thing, the thing in the singular.</summary>
    public static string Of(long count, string thing) => Of(count, thing, thing + "s");

    public static string Of(long count, string thing, string things) => $"{Count(count)} {(count == 1 ? thing : things)}";

    public static string Rate(long count, TimeSpan time) => time <= TimeSpan.Zero ? "-" : $"{Scaled(count / time.TotalSeconds)}/s";

    /// <summary>The rate, and the time that the rest will take at it; of an unknown whole the rate alone.</summary>
    public static string Left(long done, long total, TimeSpan time)
    {
        if (done <= 0 || total <= done || time <= TimeSpan.Zero)
            return Rate(done, time);
        var left = TimeSpan.FromSeconds(time.TotalSeconds / done * (total - done));
        return $"{Rate(done, time)}, {(left.TotalHours >= 1 ? $"{(int)left.TotalHours} h {left.Minutes} min" : left.TotalMinutes >= 1 ? $"{left.Minutes} min {left.Seconds} s" : $"{left.Seconds} s")} left";
    }

    public static string Bytes(long bytes) => bytes switch
    {
        >= 1L << 30 => $"{bytes / (double)(1L << 30):0.00} GiB",
        >= 1L << 20 => $"{bytes / (double)(1L << 20):0.0} MiB",
        >= 1L << 10 => $"{bytes / 1024.0:0.0} KiB",
        _ => $"{bytes} B",
    };

    private static string Scaled(double value) => value switch
    {
        >= 1e9 => $"{value / 1e9:0.00} G",
        >= 1e6 => $"{value / 1e6:0.0} M",
        >= 1e3 => $"{value / 1e3:0.0} k",
        _ => $"{value:0} ",
    };
}

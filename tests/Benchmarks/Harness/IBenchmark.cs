namespace Replay.Benchmarks;

/// <summary>One benchmark. A class that implements it and has a constructor without parameters is found by its name.</summary>
internal interface IBenchmark
{
    /// <summary>The first argument on the command line.</summary>
    string Name { get; }

    /// <summary>One line: what is measured, and its options.</summary>
    string Description { get; }

    void Run(BenchmarkOptions options, TextWriter output);
}

using Replay.Recorder.Tests.Synthetic;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>Guests of several vCPUs are recorded as well as guests of one, and repeat themselves as well.</summary>
public class SeveralVcpusTests
{
    public static TheoryData<int, string[]> Machines => new()
    {
        { 2, [] },
        { 4, ["-cpu", "max"] },
        { 2, ["-M", "q35", "-cpu", "max"] },
        { 4, ["-M", "q35"] },
    };

    [Theory]
    [MemberData(nameof(Machines))]
    public void Two_recordings_are_the_same_and_a_filtered_one_is_a_part_of_the_full_one(int vcpus, string[] machine)
    {
        Needs.Qemu();
        string[] arguments = ["-smp", $"{vcpus}", .. machine];
        using var first = new Payload("smp");
        using var second = new Payload("smp");

        var full = first.Record(first.Options(more: arguments) with { Rips = true });
        var again = second.Record(second.Options(more: arguments) with { Rips = true });
        var filtered = second.Record(second.Options(filter: 64, more: arguments));

        Assert.Equal(full.Rows.Select(Plain), again.Rows.Select(Plain));
        Assert.Equal(vcpus, full.Accesses.Select(static row => row.Vcpu).Distinct().Count());
        Assert.Empty(full.Check().Contradictions);
        var rows = full.Rows.ToDictionary(static row => row.Ordinal, Plain);
        Assert.All(filtered.Rows, row => Assert.Equal(rows[row.Ordinal], Plain(row)));
        Assert.Equal(full.Summary.AccessesSeen, filtered.Summary.AccessesSeen);
        Assert.Equal(full.Rows.Count(static row => row.Event is not null), filtered.Rows.Count(static row => row.Event is not null));
    }

    private static Streams.Row Plain(Streams.Row row) => row with { Event = row.Event is { } what ? what with { Data = null } : null };
}

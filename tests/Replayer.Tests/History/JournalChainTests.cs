using Replay.Replayer.History;

namespace Replay.Replayer.Tests.History;

/// <summary>Each chain is told once, before the first record that refers to it; the empty chain, number 0, never: every observer knows it.</summary>
public sealed class JournalChainTests
{
    private readonly ChainRecorder _told = new();

    [Fact]
    public void A_record_outside_all_functions_refers_to_the_empty_chain_which_is_not_told()
    {
        new Journal(_told).Flush(FlushKind.Current);
        Assert.Empty(_told.Chains);
        Assert.Equal([0], _told.FlushChains);
    }

    [Fact]
    public void A_chain_is_told_once_before_its_first_record()
    {
        var journal = new Journal(_told);
        for (var i = 0; i < 2; i++)
        {
            using var outer = journal.Enter(KvmFunction.HandleInvlpg);
            using var inner = journal.Enter(KvmFunction.KvmMmuInvlpg);
            journal.Flush(FlushKind.Gva);
        }

        var chain = Assert.Single(_told.Chains);
        Assert.Equal([KvmFunction.HandleInvlpg, KvmFunction.KvmMmuInvlpg], chain.Functions);
        Assert.Equal([chain.Id, chain.Id], _told.FlushChains);
    }
}

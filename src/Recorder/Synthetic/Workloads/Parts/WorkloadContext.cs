using Replay.Recorder.Synthetic.Machine;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>One run of a workload: its knobs, its machine and kernel, the host, and the seeded generator.</summary>
public sealed class WorkloadContext
{
    /// <exception cref="WorkloadUsageException">The memory does not suit the paging mode.</exception>
    internal WorkloadContext(Workload workload, KnobValues knobs, SeededRandom random, long hostEventAlignment)
    {
        Knobs = knobs;
        Random = random;
        var options = workload.KernelOptions(knobs);
        var memory = knobs.Bytes("memory") & ~0x3f_ffffUL;
        var most = GuestLayout.Of(options.Paging).MaxMemory;
        if (memory > most)
        {
            var mode = PagingFormat.Name(options.Paging);
            throw new WorkloadUsageException($"A guest with paging={mode} reaches {most >> 20}M of memory at most: lower memory or choose another paging.");
        }
        Machine = new GuestMachine(memory, knobs.Has("vcpus") ? knobs.Count("vcpus") : 1);
        Kernel = new GuestKernel(Machine, options);
        Host = new HostSide(Kernel, hostEventAlignment);
    }

    public KnobValues Knobs { get; }

    public SeededRandom Random { get; }

    public GuestMachine Machine { get; }

    public GuestKernel Kernel { get; }

    public HostSide Host { get; }

    public bool IsPaged => Kernel.Format.Mode != SyntheticPaging.Off;

    /// <summary>Gives the guest its memory as one slot (two above 3 GiB) and boots it.</summary>
    public void Boot()
    {
        Host.AddRam();
        Kernel.Boot();
    }

    /// <summary>
    /// Boots with a part of memory in slots of its own, as the selftests of KVM set their test memory apart.
    /// </summary>
    public TestMemory BootWithTestMemory(ulong bytes, int slots)
    {
        var memory = new TestMemory(Kernel.Frames.AllocateRun(ulong.Max(RoundUp(bytes), 4096)), bytes, slots);
        Host.AddRam(memory);
        Kernel.Boot();
        return memory;
    }

    /// <summary>A program of its own for each vCPU, all in one space.</summary>
    public IReadOnlyList<WorkloadProgram> StartThreads()
    {
        var first = Machine.Vcpus[0];
        var space = IsPaged ? Kernel.CreateSpace(first) : null;
        return [.. Machine.Vcpus.Select(vcpu => WorkloadProgram.Start(Kernel, vcpu, space))];
    }

    /// <summary>Lets programs take turns, one piece each, until all are through.</summary>
    public static IEnumerable<WorkloadTurn> Interleave(IEnumerable<IEnumerable<WorkloadTurn>> programs)
    {
        var running = programs.Select(program => program.GetEnumerator()).ToList();
        while (running.Count > 0)
        {
            for (var i = 0; i < running.Count;)
            {
                if (running[i].MoveNext())
                {
                    i++;
                    yield return WorkloadTurn.Taken;
                }
                else
                {
                    running[i].Dispose();
                    running.RemoveAt(i);
                }
            }
        }
    }

    private static ulong RoundUp(ulong bytes) => System.Numerics.BitOperations.RoundUpToPowerOf2(bytes);
}

using System.Text;
using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>Which threads run the vCPUs of which VM.</summary>
internal sealed class VmSurvey
{
    private sealed record Thread(long Key, int Pid, int Process, string Source, SortedSet<int> Vcpus);

    private readonly Dictionary<long, Thread> _threads = [];
    private readonly SortedDictionary<long, int> _vcpuOfThread = [];

    /// <summary>The vCPU that each thread enters first.</summary>
    public IReadOnlyDictionary<long, int> VcpuOfThread => _vcpuOfThread;

    /// <summary>
    /// By the process where lines show it. Otherwise a VM is a row of threads that share no vCPU: userspace makes the threads of one VM
    /// one after the other.
    /// </summary>
    public IReadOnlyList<TracedVm> Vms
    {
        get
        {
            var vms = new List<(string Source, int Process, List<Thread> Threads)>();
            foreach (var thread in _threads.Values.OrderBy(thread => thread.Source, StringComparer.Ordinal).ThenBy(thread => thread.Pid))
            {
                var vm = thread.Process != 0
                    ? vms.FindIndex(known => known.Source == thread.Source && known.Process == thread.Process)
                    : vms.FindIndex(known => known.Source == thread.Source && known.Process == 0 && !known.Threads.Exists(other => other.Vcpus.Overlaps(thread.Vcpus)));
                if (vm < 0)
                {
                    vm = vms.Count;
                    vms.Add((thread.Source, thread.Process, []));
                }

                vms[vm].Threads.Add(thread);
            }

            return [.. vms.Select(vm => new TracedVm(Name(vm.Source, vm.Process, vm.Threads[0].Pid), vm.Process, [.. vm.Threads.Select(thread => thread.Key)]))];
        }
    }

    public void Enter(in TraceLine line, int vcpu)
    {
        if (!_threads.TryGetValue(line.Thread, out var thread))
        {
            thread = new Thread(line.Thread, line.Pid, line.Process, Encoding.Latin1.GetString(line.Source), []);
            _threads[line.Thread] = thread;
            _vcpuOfThread[line.Thread] = vcpu;
        }

        thread.Vcpus.Add(vcpu);
    }

    private static string Name(string source, int process, int pid) => $"{(source.Length == 0 ? "" : $"{source} ")}{(process != 0 ? process : pid)}";
}

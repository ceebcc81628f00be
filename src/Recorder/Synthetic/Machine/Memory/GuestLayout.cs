namespace Replay.Recorder.Synthetic.Machine;

/// <summary>Where the synthetic kernel keeps things, physically and in the virtual addresses of one paging mode.</summary>
public sealed class GuestLayout
{
    /// <summary>Physical address of the code that runs with paging off.</summary>
    public const ulong BootCode = 0x10_0000;

    public const ulong KernelText = 0x20_0000;

    public const ulong KernelData = 0x30_0000;

    /// <summary>Where frames for tables and programs begin.</summary>
    public const ulong FirstFree = 0x40_0000;

    /// <summary>Physical address of the device window, in the hole below 4 GiB.</summary>
    public const ulong DeviceWindow = 0xfeb0_0000;

    public const ulong DeviceWindowBytes = 0x10_0000;

    public const int MaxVcpus = 16;

    /// <summary>Virtual address of every program's code.</summary>
    public const ulong UserCode = 0x40_0000;

    private const ulong VcpuBlocks = KernelData + 0x1_0000;
    private const ulong VcpuBlockBytes = 0x8000;

    // By SyntheticPaging.
    private static readonly GuestLayout[] Layouts =
    [
        new(kernelBase: 0, directMap: 0, devices: DeviceWindow, userTop: MachineMemory.LowLimit, selfMap: 0, maxMemory: MachineMemory.LowLimit),
        new(0xc000_0000, 0xc000_0000, 0xfe00_0000, 0xc000_0000, 0xffc0_0000, 0x3000_0000),
        new(0xc000_0000, 0xc000_0000, 0xfe00_0000, 0xc000_0000, 0, 0x3000_0000),
        new(0xffff_ffff_8000_0000, 0xffff_8880_0000_0000, 0xffff_c900_0000_0000, 0x7fff_ffff_f000, 0xffff_f680_0000_0000, 1UL << 40),
        new(0xffff_ffff_8000_0000, 0xff11_0000_0000_0000, 0xffa0_0000_0000_0000, 0xff_ffff_ffff_f000, 0xffed_0000_0000_0000, 1UL << 40),
    ];

    private GuestLayout(ulong kernelBase, ulong directMap, ulong devices, ulong userTop, ulong selfMap, ulong maxMemory)
    {
        KernelBase = kernelBase;
        DirectMap = directMap;
        Devices = devices;
        UserTop = userTop;
        SelfMap = selfMap;
        MaxMemory = maxMemory;
    }

    /// <summary>Virtual address of physical 0 in the mapping of the kernel's own text and data.</summary>
    public ulong KernelBase { get; }

    /// <summary>Virtual address of physical 0 in the mapping of all memory.</summary>
    public ulong DirectMap { get; }

    /// <summary>Virtual address of the device window.</summary>
    public ulong Devices { get; }

    /// <summary>First virtual address that is no program's.</summary>
    public ulong UserTop { get; }

    /// <summary>First address of the root entry that may point at the root itself; 0 where the mode has none.</summary>
    public ulong SelfMap { get; }

    /// <summary>The most memory the direct map has room for.</summary>
    public ulong MaxMemory { get; }

    /// <summary>Virtual address of the interrupt descriptor table.</summary>
    public ulong Idt => KernelBase + KernelData;

    public static GuestLayout Of(SyntheticPaging mode) => Layouts[(int)mode];

    /// <summary>Virtual address of a vCPU's descriptor table page; task state, four stack pages and its variables follow.</summary>
    public ulong VcpuBlock(int vcpu) => KernelBase + VcpuBlocks + ((ulong)vcpu * VcpuBlockBytes);

    public ulong Tss(int vcpu) => VcpuBlock(vcpu) + 0x1000;

    public ulong StackTop(int vcpu) => VcpuBlock(vcpu) + 0x6000;

    public ulong VcpuVariables(int vcpu) => VcpuBlock(vcpu) + 0x6000;
}

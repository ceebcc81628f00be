using System.Buffers.Binary;
using Replay.Trace;

namespace Replay.Recorder.Bochs;

/// <summary>
/// Interrupts and exceptions, as the CPU delivers them: what it touches on the way comes before the instruction that was interrupted is known, from
/// the frame on the stack, and is kept until then.
/// </summary>
internal sealed class DeliveryRecorder(CaptureStream stream, AccessRecorder accesses, TracedGuest context, BochsFindings findings)
{
    private const int PageFault = 14;
    private const uint PresentError = 1;
    private const uint FetchError = 1 << 4;

    private readonly List<(bool IsWrite, ulong Va, ulong Gpa, byte[] Data)> _touched = [];
    private (int Vector, uint ErrorCode)? _exception;
    private int? _vector;

    /// <summary>The CPU is delivering: what it touches is not the instruction's.</summary>
    public bool IsDelivering => _vector is not null;

    /// <summary>Where the interrupted guest goes on, by the frame; null where nothing is delivered.</summary>
    public ulong? InterruptedRip
    {
        get
        {
            if (_vector is null)
                return null;
            var frame = _touched.FindAll(static touch => touch.IsWrite);
            var at = frame.Count - 1 - (HasErrorCode ? 1 : 0);
            if (at < 0)
                return null;
            Span<byte> word = stackalloc byte[8];
            frame[at].Data.AsSpan(0, Math.Min(8, frame[at].Data.Length)).CopyTo(word);
            return BinaryPrimitives.ReadUInt64LittleEndian(word);
        }
    }

    private bool HasErrorCode => context.Controls.IsProtected && _exception is { } exception && exception.Vector == _vector
        && exception.Vector is 8 or (>= 10 and <= 14) or 17 or 21;

    public void Exception(int vector, uint errorCode) => _exception = (vector, errorCode);

    /// <summary>The CPU begins to deliver; a delivery before it that has not come to its end never will.</summary>
    public void Begin(int vector)
    {
        TellTouched();
        _vector = vector;
    }

    public void Touch(in MemoryLine line) => _touched.Add((line.IsWrite, line.Linear ?? 0, line.Physical, line.Data.ToArray()));

    /// <summary>An exit came instead of the handler: what was touched until then was.</summary>
    public void Abandon()
    {
        TellTouched();
        _exception = null;
        _vector = null;
    }

    /// <summary>The handler runs.</summary>
    /// <param name="instruction">The one before it.</param>
    public void Finish(Instruction instruction)
    {
        if (_vector is not { } vector)
        {
            _exception = null;
            return;
        }

        var rip = InterruptedRip ?? instruction.Rip;
        uint? errorCode = HasErrorCode ? _exception!.Value.ErrorCode : null;
        if (vector == PageFault && errorCode is { } code)
            TellPageFault(instruction, rip, code);
        findings.RealModeDeliveries += context.Controls.IsProtected ? 0 : 1;
        stream.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Delivery, Value = (ulong)vector, ErrorCode = errorCode, Rip = rip });
        TellTouched();
        _exception = null;
        _vector = null;
        accesses.ForgetFetch();
    }

    private void TellTouched()
    {
        foreach (var (isWrite, va, gpa, data) in _touched)
            accesses.RecordImplicit(isWrite, va, gpa, data);
        _touched.Clear();
    }

    private void TellPageFault(Instruction instruction, ulong rip, uint code)
    {
        var address = rip != instruction.Rip || (code & FetchError) != 0 ? FetchAddress(rip, code) : DataAddress(instruction, code);
        accesses.Find(address);
        context.Cr2 = address;
        findings.GuestPageFaults++;
        stream.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.GuestPageFault, Gva = address, ErrorCode = code, Rip = rip });
        if ((code & PresentError) != 0)
            accesses.Forget();
    }

    /// <summary>The instruction itself cannot be read, or its second page cannot.</summary>
    private ulong FetchAddress(ulong rip, uint code) => Fits(rip, code) || !Fits(SecondPage(rip), code) ? rip : SecondPage(rip);

    /// <summary>Bochs does not print CR2: it is the operand that the tables treat as the error code says.</summary>
    private ulong DataAddress(Instruction instruction, uint code)
    {
        ulong? first = null;
        foreach (var address in instruction.Addresses())
        {
            first ??= address;
            if (Fits(address, code))
                return address;
            if (Fits(SecondPage(address), code) && (code & PresentError) == 0 && (address & 0xfff) > 0xfc0)
                return SecondPage(address);
        }

        findings.UnknownFaultAddresses++;
        return first ?? instruction.Rip;
    }

    private bool Fits(ulong address, uint code) => accesses.Find(address).IsMapped == ((code & PresentError) != 0);

    private static ulong SecondPage(ulong address) => (address | 0xfff) + 1;
}

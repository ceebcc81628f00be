namespace Replay.Recorder.Qemu;

/// <summary>What the numbers in words of accesses stand for at this point of the stream.</summary>
/// <param name="vcpus">How many there are.</param>
internal sealed class WireNumbers(int vcpus)
{
    private readonly ulong[] _gvaPages = new ulong[vcpus * WireWord.Places];
    private readonly ulong[] _gpaPages = new ulong[vcpus * WireWord.Places];
    private readonly ulong[] _codePages = new ulong[WireWord.CodePages];

    /// <summary>The vCPU that makes the accesses.</summary>
    public byte Vcpu { get; private set; }

    /// <summary>The first place of that vCPU, in <see cref="GvaPage"/> and <see cref="GpaPage"/>.</summary>
    public int FirstPlace { get; private set; }

    /// <summary>Places of all vCPUs.</summary>
    public int Places => _gvaPages.Length;

    public void Switch(byte vcpu)
    {
        if (vcpu >= vcpus)
            throw new InvalidOperationException($"The plugin records vCPU {vcpu}, but there are only {vcpus}.");
        Vcpu = vcpu;
        FirstPlace = vcpu * WireWord.Places;
    }

    /// <summary>The page of a place, as a number of a page.</summary>
    public ulong GvaPage(int place) => _gvaPages[place];

    /// <inheritdoc cref="GvaPage"/>
    public ulong GpaPage(int place) => _gpaPages[place];

    /// <summary>The address of an instruction of a word.</summary>
    public ulong Rip(int instruction) =>
        _codePages[instruction >> WireWord.InstructionBits] | (uint)(instruction & ((1 << WireWord.InstructionBits) - 1));

    /// <returns>Whether it was another page before.</returns>
    public bool SetPlace(int place, ulong gvaPage, ulong gpaPage)
    {
        if (_gvaPages[place] == gvaPage && _gpaPages[place] == gpaPage)
            return false;
        _gvaPages[place] = gvaPage;
        _gpaPages[place] = gpaPage;
        return true;
    }

    public void SetCodePage(int number, ulong address) => _codePages[number] = address;
}

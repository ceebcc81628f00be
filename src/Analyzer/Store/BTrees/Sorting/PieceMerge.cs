namespace Replay.Analyzer.Store.BTrees;

/// <summary>
/// Merges sorted pieces, earlier ones first where entries are equal: a tournament in which each inner node keeps the loser, so that the next
/// entry takes one comparison a level.
/// </summary>
/// <remarks>Source: Knuth, The Art of Computer Programming 3, 5.4.1, tree of losers.</remarks>
internal sealed class PieceMerge
{
    private const int None = -1;

    private readonly PieceReader[] _pieces;
    private readonly int _sorted;
    private readonly bool[] _ended;
    private readonly int[] _losers;
    private int _winner;
    private bool _begun;

    /// <param name="pieces">In the order in which their entries came.</param>
    /// <param name="sorted">The first so many columns are sorted by.</param>
    public PieceMerge(PieceReader[] pieces, int sorted)
    {
        _pieces = pieces;
        _sorted = sorted;
        _ended = [.. pieces.Select(piece => !piece.TryMove())];
        _losers = new int[pieces.Length];
        Array.Fill(_losers, None);
        for (var piece = pieces.Length - 1; piece >= 0; piece--)
            Play(piece);
    }

    /// <summary>The next entry, good until the next call.</summary>
    public bool TryNext(out ReadOnlySpan<long> entry)
    {
        if (_begun)
        {
            _ended[_winner] = !_pieces[_winner].TryMove();
            Play(_winner);
        }

        _begun = true;
        entry = _ended[_winner] ? default : _pieces[_winner].Entry;
        return !_ended[_winner];
    }

    /// <summary>From the leaf of <paramref name="piece"/> to the top. While the tree is first filled, the first to come to a node waits there.</summary>
    private void Play(int piece)
    {
        for (var node = (piece + _pieces.Length) / 2; node > 0; node /= 2)
        {
            var other = _losers[node];
            if (other == None)
            {
                _losers[node] = piece;
                return;
            }

            if (IsBefore(other, piece))
                (_losers[node], piece) = (piece, other);
        }

        _winner = piece;
    }

    private bool IsBefore(int left, int right)
    {
        if (_ended[left] || _ended[right])
            return !_ended[left] && _ended[right];
        var one = _pieces[left].Entry;
        var two = _pieces[right].Entry;
        for (var i = 0; i < _sorted; i++)
        {
            if (one[i] != two[i])
                return one[i] < two[i];
        }

        return left < right;
    }
}

using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Replay.Analyzer.Observed;

/// <summary>The fields of an event as a JSON object: its text, and each <c>name=value</c> in it under its name.</summary>
internal sealed class FieldsJson
{
    private static readonly JsonEncodedText TextName = JsonEncodedText.Encode("text");

    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly Utf8JsonWriter _json;
    private readonly List<int> _names = [];

    public FieldsJson()
    {
        _json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });
    }

    /// <summary>Valid until the next call.</summary>
    public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> text)
    {
        _buffer.ResetWrittenCount();
        _json.Reset();
        _json.WriteStartObject();
        WriteText(TextName, text);
        _names.Clear();
        var position = 0;
        while (position < text.Length)
        {
            var space = text[position..].IndexOf((byte)' ');
            var word = space < 0 ? text[position..] : text.Slice(position, space);
            var equals = word.IndexOf((byte)'=');
            if (equals > 0 && IsName(word[..equals]) && !IsTaken(text, position, equals))
            {
                _names.Add(position);
                _json.WriteString(word[..equals], word[(equals + 1)..].Trim(","u8) is var value && IsAscii(value) ? value : "?"u8);
            }

            position += word.Length + 1;
        }

        _json.WriteEndObject();
        _json.Flush();
        return _buffer.WrittenSpan;
    }

    private void WriteText(JsonEncodedText name, ReadOnlySpan<byte> text)
    {
        if (IsAscii(text))
            _json.WriteString(name, text);
        else
            _json.WriteString(name, System.Text.Encoding.Latin1.GetString(text));
    }

    /// <summary>The same name came before: JSON's readers would take either.</summary>
    private bool IsTaken(ReadOnlySpan<byte> text, int position, int length)
    {
        var name = text.Slice(position, length + 1);
        if (name.SequenceEqual("text="u8))
            return true;
        foreach (var before in _names)
        {
            if (text[before..].StartsWith(name))
                return true;
        }

        return false;
    }

    private static bool IsName(ReadOnlySpan<byte> word)
    {
        foreach (var character in word)
        {
            if (!char.IsAsciiLetterOrDigit((char)character) && character != (byte)'_')
                return false;
        }

        return true;
    }

    private static bool IsAscii(ReadOnlySpan<byte> text) => System.Text.Ascii.IsValid(text);
}

/// <summary>Of which events the fields are stored beside the rows that are made of them.</summary>
public enum FieldsKept
{
    /// <summary>None: only that there was such an event, when and where.</summary>
    None = 0,

    /// <summary>Those that no row of the history tells.</summary>
    Unmapped = 1,

    /// <summary>Those of every event.</summary>
    All = 2,
}

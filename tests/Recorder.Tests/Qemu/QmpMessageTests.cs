using System.Text;
using Replay.Recorder.Qemu;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>What QEMU says over its machine protocol.</summary>
public sealed class QmpMessageTests
{
    [Theory]
    [InlineData("""{"QMP": {"version": {}, "capabilities": ["oob"]}}""", null, null, null, null)]
    [InlineData("""{"return": {}, "id": 1}""", 1, "", null, null)]
    [InlineData("""{"return": "FlatView #0\r\n", "id": 7}""", 7, "FlatView #0\r\n", null, null)]
    [InlineData("""{"id": 8, "error": {"class": "GenericError"}}""", 8, null, """{"class": "GenericError"}""", null)]
    [InlineData("""{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}""", null, null, null, "guest-shutdown")]
    [InlineData("""{"event": "SHUTDOWN", "data": null}""", null, null, null, null)]
    [InlineData("""{"event": 1, "id": "x"}""", null, null, null, null)]
    [InlineData("""{"return": "late", "id": 99999999999}""", null, "late", null, null)]
    public void A_message_is_an_answer_a_refusal_or_an_event(string line, int? answers, string? result, string? error, string? reason) =>
        Assert.Equal(new QmpMessage(answers, result, error, reason), QmpMessage.Parse(Encoding.UTF8.GetBytes(line)));

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"event": "SHUTDOWN", "data": {"reason": "\ud800"}}""")]
    public void What_is_no_message_is_told(string line) => Assert.Throws<IOException>(() => QmpMessage.Parse(Encoding.UTF8.GetBytes(line)));
}

using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;
using OpenQA.Selenium.Interactions;

namespace Replay.Explorer.Tests;

/// <summary>Debian's chromium, of a size and in a theme. Where it is missing the test is skipped, in CI it fails.</summary>
internal sealed class Browser : IDisposable
{
    private const string Chromium = "/usr/bin/chromium";
    private const string Driver = "/usr/bin/chromedriver";

    private static readonly string[] Switches =
    [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    ];

    private readonly DirectoryInfo _profile = Directory.CreateTempSubdirectory("replay-chromium-");
    private readonly ChromeDriverService _service;
    private readonly ChromeDriver _driver;
    private readonly Uri _server;

    private Browser(Uri server)
    {
        _server = server;
        var options = new ChromeOptions { BinaryLocation = Chromium };
        options.AddArguments([.. Switches, $"--user-data-dir={_profile.FullName}"]);
        options.SetLoggingPreference(LogType.Browser, LogLevel.All);
        options.SetLoggingPreference(LogType.Performance, LogLevel.All);
        _service = ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(Driver), Path.GetFileName(Driver));
        _service.SuppressInitialDiagnosticInformation = true;
        _driver = new ChromeDriver(_service, options, Hang.Limit);
    }

    public static Browser Start(Uri server)
    {
        if (File.Exists(Chromium) && File.Exists(Driver))
            return new Browser(server);
        Assert.True(Environment.GetEnvironmentVariable("CI") != "true", $"{Chromium} and {Driver} are not installed; CI must have them (.ci/run installs them).");
        Assert.Skip($"{Chromium} and {Driver} are not installed (Debian: apt install chromium chromium-driver).");
        return null!;
    }

    /// <summary>The address bar.</summary>
    public string Address => new Uri(_driver.Url).PathAndQuery;

    public string Text => _driver.FindElement(By.TagName("body")).Text;

    public void Resize(int width, int height, bool isDark = false)
    {
        _driver.ExecuteCdpCommand("Emulation.setDeviceMetricsOverride", new() { ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = 1, ["mobile"] = false });
        _driver.ExecuteCdpCommand("Emulation.setEmulatedMedia", new() { ["features"] = new[] { new Dictionary<string, object> { ["name"] = "prefers-color-scheme", ["value"] = isDark ? "dark" : "light" } } });
    }

    /// <summary>Opens an address and waits until its view has read all that it shows.</summary>
    public void Open(string address)
    {
        _driver.Navigate().GoToUrl(new Uri(_server, address));
        Settle();
    }

    /// <summary>Opens a page that is no view.</summary>
    public void Visit(string address) => _driver.Navigate().GoToUrl(new Uri(_server, address));

    /// <summary>Keys, as someone without a mouse presses them; each is given time to have its effect.</summary>
    public void Press(params string[] keys)
    {
        foreach (var key in keys)
        {
            new Actions(_driver).SendKeys(key).Perform();
            Settle();
        }
    }

    /// <summary>A key while another is held.</summary>
    public void Chord(string held, string key)
    {
        new Actions(_driver).KeyDown(held).SendKeys(key).KeyUp(held).Perform();
        Settle();
    }

    /// <summary>Waits until a text is on the page.</summary>
    public void See(string text) => Until(() => Text.Contains(text, StringComparison.OrdinalIgnoreCase), () => $"'{text}' is not on {Address}. There is:\n{Text}");

    /// <summary>Waits until it is so.</summary>
    public void Until(Func<bool> isSo) => Until(isSo, () => $"{Address}:\n{Text}");

    public void Click(string element)
    {
        _driver.FindElement(By.CssSelector(element)).Click();
        Settle();
    }

    public void SeeAddress(string part) => Until(() => Address.Contains(part, StringComparison.Ordinal), () => $"the address is {Address}, without {part}");

    public T Evaluate<T>(string script) => (T)Convert.ChangeType(_driver.ExecuteScript($"return {script}")!, typeof(T), CultureInfo.InvariantCulture);

    /// <summary>Moves the pointer to a place in an element, a part of its width and height from its upper left corner.</summary>
    public void Point(string element, double x, double y)
    {
        var place = _driver.FindElement(By.CssSelector(element));
        new Actions(_driver, TimeSpan.Zero).MoveToElement(place, (int)((x - 0.5) * place.Size.Width), (int)((y - 0.5) * place.Size.Height)).Perform();
    }

    /// <summary>A key that is told to the page and not waited for: it has what keyboards send, a name and, of a character, its text.</summary>
    public void Strike(string key)
    {
        foreach (var type in (string[])["keyDown", "keyUp"])
            _driver.ExecuteCdpCommand("Input.dispatchKeyEvent", new() { ["type"] = type, ["key"] = key, ["text"] = type == "keyDown" && key.Length == 1 ? key : "" });
    }

    /// <summary>Frames a second, and the longest time from one to the next in milliseconds, while a hand does something as often as a held key comes.</summary>
    public (double Rate, double Longest) Frames(int times, Action<int> act)
    {
        const double Second = 30;
        _driver.ExecuteScript("""
            const frames = window.frames60 = { spans: [], goesOn: true };
            const count = before => requestAnimationFrame(now => { frames.spans.push(now - before); if (frames.goesOn) count(now); });
            requestAnimationFrame(count);
            """);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < times; i++)
        {
            act(i);
            Thread.Sleep(TimeSpan.FromSeconds(Math.Max(0, ((i + 1) / Second) - clock.Elapsed.TotalSeconds)));
        }

        _driver.ExecuteScript("window.frames60.goesOn = false");
        var (number, sum) = (Evaluate<double>("window.frames60.spans.length"), Evaluate<double>("window.frames60.spans.reduce((sum, span) => sum + span, 0)"));
        return (1000 * number / sum, Evaluate<double>("Math.max(...window.frames60.spans)"));
    }

    /// <summary>Counts, from now on, what the page asks of the server and the elements it makes.</summary>
    public void CountWork() => _driver.ExecuteScript("""
        performance.clearResourceTimings();
        window.work?.observer.disconnect();
        const work = window.work = { elements: 0 };
        const size = node => node.nodeType === 1 ? 1 + node.getElementsByTagName('*').length : 0;
        work.observer = new MutationObserver(all => { for (const one of all) for (const node of one.addedNodes) work.elements += size(node); });
        work.observer.observe(document.body, { childList: true, subtree: true });
        """);

    /// <summary>Requests and elements since <see cref="CountWork"/>, when all has been answered and drawn.</summary>
    public (long Requests, long Elements) Work()
    {
        (long, long) now = default, before;
        do
        {
            before = now;
            Thread.Sleep(200);
            now = (Evaluate<long>("performance.getEntriesByType('resource').length"), Evaluate<long>("window.work.elements"));
        }
        while (now != before);
        return now;
    }

    public void Save(string path) => _driver.GetScreenshot().SaveAsFile(path);

    /// <summary>Nothing went wrong in the page, and nothing was asked of anyone but the explorer.</summary>
    public void CheckQuiet()
    {
        Assert.Empty(_driver.Manage().Logs.GetLog(LogType.Browser).Where(entry => entry.Level >= LogLevel.Warning).Select(entry => entry.Message));
        foreach (var entry in _driver.Manage().Logs.GetLog(LogType.Performance))
        {
            using var json = JsonDocument.Parse(entry.Message);
            var message = json.RootElement.GetProperty("message");
            if (message.GetProperty("method").GetString() != "Network.requestWillBeSent")
                continue;
            var url = message.GetProperty("params").GetProperty("request").GetProperty("url").GetString()!;
            // The browser's own first page is no request to anyone.
            Assert.True(
                url.StartsWith(_server.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal) || new Uri(url).Scheme is "data" or "chrome" or "about",
                $"a request went to {url}");
        }
    }

    public void Dispose()
    {
        _driver.Quit();
        _driver.Dispose();
        try
        {
            _profile.Delete(recursive: true);
        }
        catch (IOException)
        {
            // A process of the browser's still writes there; what a test has to say is more.
        }
    }

    /// <summary>Until the view has read all that it shows.</summary>
    public void Settle()
    {
        Thread.Sleep(60);
        Until(() => Evaluate<bool>("document.querySelector('#view') !== null && document.querySelector('#view').childElementCount > 0 && !document.querySelector('#view[aria-busy]')"), () => $"{Address} is not ready:\n{Text}");
    }

    private static void Until(Func<bool> isSo, Func<string> otherwise)
    {
        var end = DateTime.UtcNow + Hang.Limit;
        while (!isSo())
        {
            Assert.True(DateTime.UtcNow < end, otherwise());
            Thread.Sleep(50);
        }
    }
}

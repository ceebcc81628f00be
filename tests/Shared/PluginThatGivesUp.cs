using System.Diagnostics;

namespace Replay.Tests;

/// <summary>A second plugin for QEMU, with which it gives up as its own code does where that cannot go on: a line, and an exit from the vCPU's thread.</summary>
internal static class PluginThatGivesUp
{
    /// <returns>The library, for <c>-plugin</c>.</returns>
    public static string Compile(string directory, string end = "exit(1)")
    {
        var (source, library) = (Path.Combine(directory, "giveup.c"), Path.Combine(directory, "giveup.so"));
        File.WriteAllText(source, $$"""
            #include <stdint.h>
            #include <stdio.h>
            #include <stdlib.h>
            int qemu_plugin_version = 4;
            void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t, void (*)(uint64_t, void *));
            static int blocks;
            static void on_block(uint64_t id, void *block)
            {
                if (++blocks < 500)
                    return;
                fprintf(stderr, "Bad icount read\n");
                {{end}};
            }
            int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
            {
                qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
                return 0;
            }
            """);
        var compiler = Environment.GetEnvironmentVariable("CC") is { Length: > 0 } named ? named : "cc";
        using var process = Process.Start(new ProcessStartInfo(compiler, ["-shared", "-fPIC", "-w", "-o", library, source]) { UseShellExecute = false })!;
        process.WaitForExit();
        return process.ExitCode == 0 ? library : throw new InvalidOperationException($"{compiler} ended with {process.ExitCode}");
    }
}

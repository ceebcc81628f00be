using System.Globalization;

namespace Replay.Cli.Sweeping;

/// <summary>What schedulers take. Each runs <c>replay sweep task N --to DIR</c>, which may be repeated, doubled and killed.</summary>
internal static class Schedulers
{
    /// <summary>Slurm's default MaxArraySize is 1001; larger sweeps give each element several tasks.</summary>
    private const int MostElements = 1000;

    public static string Slurm(string directory, int tasks, int slots)
    {
        var each = (tasks + MostElements - 1) / MostElements;
        var elements = (tasks + each - 1) / each;
        return string.Create(CultureInfo.InvariantCulture, $"""
            #!/bin/bash
            # sbatch {Path.Combine(directory, "sweep.sbatch")}
            # Again after failures, kills and time limits: what is done is passed over, what was begun goes on at its last checkpoint.
            #SBATCH --job-name=replay-sweep
            #SBATCH --array=0-{elements - 1}%{slots}
            #SBATCH --ntasks=1
            #SBATCH --cpus-per-task=1
            #SBATCH --output={directory}/logs/slurm-%A_%a.out
            #SBATCH --requeue
            # SIGINT a minute before a time limit: a checkpoint is saved.
            #SBATCH --signal=INT@60
            status=0
            for task in $(seq $((SLURM_ARRAY_TASK_ID * {each})) $((SLURM_ARRAY_TASK_ID * {each} + {each - 1}))); do
                [ "$task" -lt {tasks} ] || break
                {Command} sweep task "$task" --to '{directory}' || status=$?
            done
            exit $status

            """);
    }

    public static string Kubernetes(int tasks, int slots) => string.Create(CultureInfo.InvariantCulture, $"""
        # kubectl apply -f sweep-job.yaml
        # The claim 'replay-sweep' has the folder of the sweep, captures included, at /sweep; Containerfile makes the image.
        apiVersion: batch/v1
        kind: Job
        metadata:
          name: replay-sweep
        spec:
          completionMode: Indexed
          completions: {tasks}
          parallelism: {slots}
          backoffLimitPerIndex: 3
          maxFailedIndexes: {tasks}
          template:
            metadata:
              labels:
                app: replay-sweep
            spec:
              restartPolicy: Never
              containers:
                - name: replay
                  image: replay:latest
                  command: ["replay", "sweep", "task", "$(JOB_COMPLETION_INDEX)", "--to", "/sweep"]
                  resources:
                    requests:
                      cpu: "1"
                      memory: 2Gi
                    limits:
                      memory: 8Gi
                  volumeMounts:
                    - name: sweep
                      mountPath: /sweep
              volumes:
                - name: sweep
                  persistentVolumeClaim:
                    claimName: replay-sweep

        """);

    /// <summary>Built in a clone.</summary>
    public static string Containerfile => """
        # podman build -t replay:latest -f Containerfile CLONE
        FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
        COPY . /src
        RUN dotnet publish /src/src/Cli/Cli.csproj -c Release -o /replay -p:UseArtifactsOutput=false
        FROM mcr.microsoft.com/dotnet/aspnet:10.0
        COPY --from=build /replay /replay
        RUN printf '#!/bin/sh\nexec dotnet /replay/replay.dll "$@"\n' > /usr/local/bin/replay && chmod +x /usr/local/bin/replay
        ENTRYPOINT ["replay"]

        """;

    public static string Parallel(string directory, int tasks, int slots) => string.Create(CultureInfo.InvariantCulture, $$"""
        #!/bin/sh
        # With --sshlogin HOST,... on several machines that share the folder.
        seq 0 {{tasks - 1}} | parallel --jobs {{slots}} --progress "$@" {{Command}} sweep task {} --to '{{directory}}'

        """);

    /// <summary>This program, as a shell finds it.</summary>
    private static string Command => Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) != "dotnet"
        ? $"'{path}'"
        : $"dotnet '{typeof(Schedulers).Assembly.Location}'";
}

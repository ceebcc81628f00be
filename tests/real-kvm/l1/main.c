/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "l1.h"

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("l1: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

/* A shell starts what it puts into the background with SIGINT ignored, and then no trap of a script can have it. */
static int interruptible_main(int count, char **arguments)
{
    if (count < 2)
        die("usage: l1 interruptible COMMAND...");
    signal(SIGINT, SIG_DFL);
    execvp(arguments[1], arguments + 1);
    die("%s: %s", arguments[1], strerror(errno));
    return 2;
}

int main(int count, char **arguments)
{
    if (count > 1 && !strcmp(arguments[1], "probes"))
        return probes_main(count - 1, arguments + 1);
    if (count > 1 && !strcmp(arguments[1], "vmm"))
        return vmm_main(count - 1, arguments + 1);
    if (count > 1 && !strcmp(arguments[1], "interruptible"))
        return interruptible_main(count - 1, arguments + 1);
    die("usage: l1 probes FILE VERSION | l1 vmm OPTIONS PAYLOAD | l1 interruptible COMMAND...");
}

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""System calls as tokens of a model: bpf/syscalls/tokens.h, made from the C library's headers of both ABIs.

    tools/train/syscall_tokens.py > bpf/syscalls/tokens.h

Lives here: which calls are one token, and reading the header for training. What doesn't: sequences of calls
(sys_lm_data.py). A token is what a call does, whatever its number: 32-bit and 64-bit forms, old and new ones are
one, so a model that was trained on an old system's i386 traces reads an x86-64 system's. socketcall() and ipc()
are single calls of i386, so all that they multiplex is one token each. A number without a token is token 0.
"""
import os
import re
import subprocess
import sys

HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bpf/syscalls/tokens.h")
FIRST = 3		# 0 any other call, 1 begin, 2 end

# First the name of the token, then further calls that are it.
FAMILIES = """
socketcall socket bind connect listen accept accept4 getsockopt setsockopt getsockname getpeername socketpair sendto sendmsg
socketcall recvfrom recvmsg shutdown sendmmsg recvmmsg recvmmsg_time64
ipc semget semop semctl semtimedop semtimedop_time64 shmget shmat shmdt shmctl msgget msgsnd msgrcv msgctl
wait4 waitpid waitid
open creat openat openat2 open_by_handle_at name_to_handle_at
stat stat64 oldstat newfstatat fstatat64 statx
fstat fstat64 oldfstat
lstat lstat64 oldlstat
lseek _llseek
mmap mmap2
fcntl fcntl64
select _newselect pselect6 pselect6_time64
poll ppoll ppoll_time64
access faccessat faccessat2
link linkat
unlink unlinkat rmdir
symlink symlinkat
readlink readlinkat
rename renameat renameat2
mkdir mkdirat
mknod mknodat
chmod fchmodat
chown chown32 lchown lchown32 fchownat
fchown fchown32
getuid getuid32
getgid getgid32
geteuid geteuid32
getegid getegid32
setuid setuid32
setgid setgid32
setreuid setreuid32
setregid setregid32
setresuid setresuid32
setresgid setresgid32
getresuid getresuid32
getresgid getresgid32
getgroups getgroups32
setgroups setgroups32
setfsuid setfsuid32
setfsgid setfsgid32
getdents getdents64 readdir
truncate truncate64
ftruncate ftruncate64
statfs statfs64 ustat
fstatfs fstatfs64
sendfile sendfile64
fadvise64 fadvise64_64
sigaction rt_sigaction signal
sigprocmask rt_sigprocmask sgetmask ssetmask
sigreturn rt_sigreturn
sigsuspend rt_sigsuspend pause
sigpending rt_sigpending
sigtimedwait rt_sigtimedwait rt_sigtimedwait_time64
sigqueueinfo rt_sigqueueinfo rt_tgsigqueueinfo
kill tkill tgkill pidfd_send_signal
getrlimit ugetrlimit prlimit64 ulimit
clone clone3
dup2 dup3
pipe pipe2
umount umount2
uname olduname oldolduname
time stime gettimeofday
utime utimes futimesat utimensat utimensat_time64
clock_gettime clock_gettime64
clock_settime clock_settime64
clock_getres clock_getres_time64
nanosleep clock_nanosleep clock_nanosleep_time64
adjtimex clock_adjtime clock_adjtime64
futex futex_time64 futex_waitv
set_thread_area arch_prctl get_thread_area modify_ldt
epoll_create epoll_create1
epoll_wait epoll_pwait epoll_pwait2 epoll_wait_old
epoll_ctl epoll_ctl_old
eventfd eventfd2
signalfd signalfd4
inotify_init inotify_init1
readv preadv preadv2
writev pwritev pwritev2
execve execveat
getpgrp getpgid
mlock mlock2 mlockall
munlock munlockall
timer_settime timer_settime64 timer_gettime timer_gettime64 timer_getoverrun
timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64
io_submit io_setup io_destroy io_getevents io_cancel io_pgetevents io_pgetevents_time64
io_uring_enter io_uring_setup io_uring_register
mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr mq_timedsend_time64 mq_timedreceive_time64
init_module finit_module create_module delete_module query_module get_kernel_syms
kexec_load kexec_file_load
quotactl quotactl_fd
mount move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr pivot_root
landlock_restrict_self landlock_create_ruleset landlock_add_rule
pidfd_open pidfd_getfd
process_vm_readv process_vm_writev
process_madvise process_mrelease
pkey_mprotect pkey_alloc pkey_free
getxattr lgetxattr fgetxattr
setxattr lsetxattr fsetxattr
listxattr llistxattr flistxattr
removexattr lremovexattr fremovexattr
keyctl add_key request_key
set_mempolicy get_mempolicy mbind migrate_pages move_pages set_mempolicy_home_node
sched_setscheduler sched_setattr sched_setparam
sched_getscheduler sched_getattr sched_getparam
sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64
swapon swapoff
splice tee vmsplice
fanotify_mark fanotify_init
ioperm iopl vm86 vm86old
nice getpriority setpriority
memfd_create memfd_secret
fsync fdatasync sync syncfs sync_file_range msync
"""
OBSOLETE = set("""break stty gtty ftime prof lock mpx profil idle afs_syscall bdflush sysfs uselib nfsservctl getpmsg putpmsg
vserver security tuxcall lookup_dcookie _sysctl acct""".split())


def families():
    """Name of the token of each call that isn't its own."""
    of = {}
    for line in FAMILIES.split("\n"):
        first, *others = line.split() or [None]
        of.update((name, first) for name in others)
    return of


def numbers(abi):
    """(number, name) of an ABI by the C library's header."""
    text = subprocess.run(["cc", "-E", "-dM", "-include", f"asm/unistd_{abi}.h", "-xc", "/dev/null"], check=True,
                          capture_output=True, text=True).stdout
    return sorted((int(n), name) for name, n in re.findall(r"#define __NR_(\w+) (\d+)\n", text))


def columns(entries):
    """Entries in lines of at most 100 columns."""
    out, line = [], "\t"
    for e in entries:
        if len(line.expandtabs(8)) + len(e) + 1 > 100:
            out.append(line.rstrip())
            line = "\t"
        line += e + " "
    return "\n".join(out + [line.rstrip()])


def main():
    of = families()
    calls = {abi: [(n, of.get(name, name)) for n, name in numbers(abi) if name not in OBSOLETE] for abi in ("32", "64")}
    names = list(dict.fromkeys(name for abi in ("32", "64") for _, name in calls[abi]))
    if FIRST + len(names) > 256:
        sys.exit(f"{FIRST + len(names)} tokens don't fit a byte")
    print("""/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls as tokens. Made by tools/train/syscall_tokens.py, don't edit.
 *
 * What lives here: the token of each call, the same whatever the ABI, and the tables
 * of both. What doesn't: models (models/sys-lm.ink reads these), reading calls.
 */
#ifndef INK_BPF_SYSCALL_TOKENS_H
#define INK_BPF_SYSCALL_TOKENS_H

enum ink_call {
\tINK_CALL_OTHER = 0,
\tINK_CALL_BEGIN = 1,
\tINK_CALL_END = 2,""")
    for i, name in enumerate(names):
        print(f"\tINK_CALL_{name.strip('_').upper()} = {FIRST + i},")
    print(f"\tINK_CALL_NR = {FIRST + len(names)},\n}};")
    for abi, said in (("32", "i386"), ("64", "x86_64")):
        print(f"\nstatic const unsigned char ink_calls_{said}[] = {{")
        print(columns(f"[{n}] = INK_CALL_{name.strip('_').upper()}," for n, name in calls[abi]))
        print("};")
    print("\n#endif /* INK_BPF_SYSCALL_TOKENS_H */")


def table(abi):
    """Tokens by number of "i386" or "x86_64", from the header."""
    with open(HEADER, encoding="ascii") as f:
        text = f.read()
    value = {name: int(n) for name, n in re.findall(r"\t(INK_CALL_\w+) = (\d+),", text)}
    body = text.split(f"ink_calls_{abi}[] = {{")[1].split("};")[0]
    return {int(n): value[name] for n, name in re.findall(r"\[(\d+)\] = (INK_CALL_\w+)", body)}


def vocabulary():
    with open(HEADER, encoding="ascii") as f:
        return int(re.search(r"INK_CALL_NR = (\d+)", f.read()).group(1))


if __name__ == "__main__":
    main()

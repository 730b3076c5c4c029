// Appliance: the first process. It mounts what the runtime of lbd needs before its own first line (/proc above all), keeps `/lbd appliance`
// running, collects processes that nobody waits for, and ends the machine in order: SIGTERM, SIGINT (power off and restart, as BusyBox
// and systemd's containers have them) and SIGHUP reach the appliance first. No libc: nothing of it can be missing.
//
// When the appliance itself ends: exit status 100 asks for a restart of the machine, 101 for power-off, 102 for a halt; anything else is
// a failure, and it is started again, later each time. Nothing here restarts the machine for a failure: what the kernel forwards goes on.
// But one: a start that the loader counts, in which the appliance never comes so far that it could arm the watchdog, would never end; and a
// start on trial that nobody judges, because the appliance ends again and again before it has. Such a start ends as a crash of the kernel
// does, so that the reason is among the kernel's last words (pstore) where the machine keeps them.
typedef unsigned long word;

// linux/arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h for the others.
#ifdef __x86_64__
enum { WRITE = 1, NANOSLEEP = 35, FORK = 57, EXECVE = 59, EXIT = 60, WAIT4 = 61, KILL = 62, MKDIR = 83, SETSID = 112,
  SYNC = 162, MOUNT = 165, REBOOT = 169, CLOCK_GETTIME = 228, RT_SIGACTION = 13, READ = 0, OPENAT = 257, FACCESSAT = 269 };
__asm__(
  ".globl _start\n_start:\n xor %ebp, %ebp\n and $-16, %rsp\n call start\n"
  ".globl kernel\nkernel:\n mov %rdi, %rax\n mov %rsi, %rdi\n mov %rdx, %rsi\n mov %rcx, %rdx\n mov %r8, %r10\n mov %r9, %r8\n syscall\n ret\n"
  ".globl restore\nrestore:\n mov $15, %eax\n syscall\n");
#define MKDIR_AT(path, mode) kernel(MKDIR, path, mode, 0, 0, 0)
#define FORK_IT() kernel(FORK, 0, 0, 0, 0, 0)
enum { SA_RESTORER = 0x04000000 };
#elif defined(__aarch64__)
enum { WRITE = 64, NANOSLEEP = 101, CLONE = 220, EXECVE = 221, EXIT = 93, WAIT4 = 260, KILL = 129, MKDIRAT = 34, SETSID = 157,
  SYNC = 81, MOUNT = 40, REBOOT = 142, CLOCK_GETTIME = 113, RT_SIGACTION = 134, READ = 63, OPENAT = 56, FACCESSAT = 48 };
__asm__(
  ".globl _start\n_start:\n mov x29, #0\n mov x30, #0\n bl start\n"
  ".globl kernel\nkernel:\n mov x8, x0\n mov x0, x1\n mov x1, x2\n mov x2, x3\n mov x3, x4\n mov x4, x5\n svc #0\n ret\n"
  ".globl restore\nrestore:\n mov x8, #139\n svc #0\n");
#define MKDIR_AT(path, mode) kernel(MKDIRAT, (word)-100, path, mode, 0, 0)
#define FORK_IT() kernel(CLONE, 17, 0, 0, 0, 0)
enum { SA_RESTORER = 0x04000000 };
#else
#error "appliance/init.c knows amd64 and arm64"
#endif
long kernel(word number, word a, word b, word c, word d, word e);
void restore(void);

enum { SIGHUP = 1, SIGINT = 2, SIGTERM = 15, SIGKILL = 9 };
enum { EINTR = 4, NOHANG = 1, CLOCK_MONOTONIC = 1 };
enum { NOSUID = 2, NODEV = 4, NOEXEC = 8 };
enum { STATUS_RESTART = 100, STATUS_POWER_OFF = 101, STATUS_HALT = 102 };
static const word HERE = (word)-100; // AT_FDCWD
/** The appliance writes it when it has begun (src/process/appliance/image-keeper.ts); a start that takes longer is none. */
#define BEGUN "/run/lbd-appliance/start-began"
enum { BEGIN_LIMIT_MS = 180000 };
/** It writes that when a start on trial has passed or failed, for which it takes two minutes; then what it does is on time again. */
#define JUDGED "/run/lbd-appliance/start-judged"
enum { JUDGE_LIMIT_MS = 240000 };
/** A start that ended sooner is a failed one: each makes the next wait longer. */
enum { STEADY_S = 10, WAIT_STEP_MS = 200, MAX_WAIT_MS = 10000 };
/** linux/reboot.h */
static const word MAGIC = 0xfee1dead, MAGIC2 = 672274793, RESTART = 0x01234567, POWER_OFF = 0x4321fedc, HALT = 0xcdef0123;

static volatile long child;

static void say(const char *text) {
  word length = 0;
  while (text[length]) length++;
  kernel(WRITE, 2, (word)text, length, 0, 0);
}

static void say_number(long value) {
  char digits[24];
  int at = sizeof digits;
  word rest = value < 0 ? (word)-value : (word)value;
  do digits[--at] = '0' + rest % 10; while ((rest /= 10) > 0);
  if (value < 0) digits[--at] = '-';
  kernel(WRITE, 2, (word)(digits + at), sizeof digits - at, 0, 0);
}

static void wait_ms(long ms) {
  long time[2] = { ms / 1000, ms % 1000 * 1000000 };
  kernel(NANOSLEEP, (word)time, 0, 0, 0, 0);
}

static long seconds(void) {
  long time[2] = { 0, 0 };
  kernel(CLOCK_GETTIME, CLOCK_MONOTONIC, (word)time, 0, 0, 0);
  return time[0];
}

static void mount(const char *what, const char *where, const char *type, word flags, const char *options) {
  MKDIR_AT((word)where, 0755);
  long failed = kernel(MOUNT, (word)what, (word)where, (word)type, flags, (word)options);
  if (failed == 0 || failed == -16 /* EBUSY: the kernel has mounted it */) return;
  say("init: "); say(where); say(" can't be mounted: errno "); say_number(-failed); say("\n");
}

/** A signal to this process is one to the appliance, which alone knows in which order things end. */
static void pass_on(int signal) {
  if (child > 0) kernel(KILL, child, signal, 0, 0, 0);
}

static void handle(int signal) {
  // The kernel's struct sigaction: handler, flags, restorer, mask.
  word action[4] = { (word)pass_on, SA_RESTORER, (word)restore, 0 };
  kernel(RT_SIGACTION, signal, (word)action, 0, sizeof(word), 0);
}

static void end_machine(word how) {
  kernel(SYNC, 0, 0, 0, 0, 0);
  kernel(REBOOT, MAGIC, MAGIC2, how, 0, 0);
}

static long read_file(const char *path, char *into, long size) {
  long fd = kernel(OPENAT, HERE, (word)path, 0, 0, 0);
  return fd < 0 ? 0 : kernel(READ, fd, (word)into, size, 0, 0);
}

static void write_file(const char *path, const char *text) {
  word length = 0;
  while (text[length]) length++;
  long fd = kernel(OPENAT, HERE, (word)path, 1 /* O_WRONLY */, 0, 0);
  if (fd >= 0) kernel(WRITE, fd, (word)text, length, 0, 0);
}

/** The loader counts this start: `lbd.left=` and a digit stand on the kernel's command line (appliance/grub.cfg). */
static int is_counted(void) {
  static char line[4096];
  static const char wanted[] = "lbd.left=";
  long length = read_file("/proc/cmdline", line, sizeof line);
  for (long at = 0; at + (long)sizeof wanted <= length; at++) {
    long same = 0;
    while (same < (long)sizeof wanted - 1 && line[at + same] == wanted[same]) same++;
    if (same == sizeof wanted - 1 && line[at + same] >= '0' && line[at + same] <= '9') return 1;
  }
  return 0;
}

/** @param why a line, with its end: src/appliance/history.ts looks for what it begins with */
static void give_up(const char *why) {
  write_file("/dev/kmsg", why);
  wait_ms(1000);
  write_file("/proc/sysrq-trigger", "c");
  end_machine(RESTART);
}

/** A process that ends the machine when the appliance does not do its part in time; the loader then has its next try, or the other slot. */
static void watch_begin(void) {
  static char begun[1];
  if (FORK_IT() != 0) return;
  if (!is_counted()) kernel(EXIT, 0, 0, 0, 0, 0);
  wait_ms(BEGIN_LIMIT_MS);
  if (read_file(BEGUN, begun, sizeof begun) < 1) give_up("init: this start is given up: lbd appliance has not begun\n");
  if (begun[0] == 't') {
    wait_ms(JUDGE_LIMIT_MS);
    if (kernel(FACCESSAT, HERE, (word)JUDGED, 0, 0, 0) != 0) give_up("init: this start is given up: lbd appliance ends again and again\n");
  }
  kernel(EXIT, 0, 0, 0, 0, 0);
}

/** Runs the appliance once and collects everything that ends meanwhile. @return its wait status, or -1 when it can't be started */
static int run_appliance(void) {
  static char *const words[] = { "/lbd", "appliance", 0 };
  static char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/run", "TERM=linux", 0 };
  long pid = FORK_IT();
  if (pid == 0) {
    kernel(SETSID, 0, 0, 0, 0, 0);
    kernel(EXECVE, (word)words[0], (word)words, (word)environment, 0, 0);
    say("init: /lbd can't be run\n");
    kernel(EXIT, 127, 0, 0, 0, 0);
  }
  if (pid < 0) return -1;
  child = pid;
  for (;;) {
    int status = 0;
    long ended = kernel(WAIT4, (word)-1, (word)&status, 0, 0, 0);
    if (ended == pid) { child = 0; return status; }
    if (ended < 0 && ended != -EINTR) wait_ms(100);
  }
}

void start(void) {
  mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC, 0);
  mount("sysfs", "/sys", "sysfs", NOSUID | NODEV | NOEXEC, 0);
  mount("devtmpfs", "/dev", "devtmpfs", NOSUID, 0);
  mount("devpts", "/dev/pts", "devpts", NOSUID | NOEXEC, "gid=5,mode=620,ptmxmode=666");
  mount("tmpfs", "/run", "tmpfs", NOSUID | NODEV, "mode=0755");
  mount("tmpfs", "/tmp", "tmpfs", NOSUID | NODEV, "mode=1777");
  handle(SIGHUP);
  handle(SIGINT);
  handle(SIGTERM);
  watch_begin();
  long failures = 0;
  for (;;) {
    long began = seconds();
    int status = run_appliance();
    int code = (status & 0x7f) == 0 ? status >> 8 & 0xff : -1;
    if (code == STATUS_RESTART) end_machine(RESTART);
    if (code == STATUS_POWER_OFF) end_machine(POWER_OFF);
    if (code == STATUS_HALT) end_machine(HALT);
    failures = seconds() - began < STEADY_S ? failures + 1 : 1;
    long wait = failures * WAIT_STEP_MS < MAX_WAIT_MS ? failures * WAIT_STEP_MS : MAX_WAIT_MS;
    if (status == -1) say("init: no process can be made");
    else if (code >= 0) { say("init: lbd appliance ended with status "); say_number(code); }
    else { say("init: lbd appliance was ended by signal "); say_number(status & 0x7f); }
    say(", again in "); say_number(wait); say(" ms\n");
    wait_ms(wait);
  }
}

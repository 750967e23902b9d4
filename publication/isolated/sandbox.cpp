#include "publication/isolated/sandbox.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>

namespace carrel::publication::isolated {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;  // their shadow memory takes terabytes of address space
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

#if defined(__x86_64__)
constexpr std::uint32_t machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t machine = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t machine = 0;
#endif

void limit(decltype(RLIMIT_DATA) what, std::uint64_t value) {
  rlimit r{value, value};
  ::setrlimit(what, &r);
}

sock_filter load(std::size_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }

constexpr std::array network_and_rights{
    SYS_socket,  SYS_connect, SYS_bind,          SYS_listen, SYS_accept4,          SYS_ptrace,
    SYS_kill,    SYS_bpf,     SYS_keyctl,        SYS_mount,  SYS_process_vm_readv, SYS_process_vm_writev,
    SYS_unshare, SYS_setns,   SYS_io_uring_setup};
constexpr std::array programs{SYS_execve, SYS_execveat};

// New sockets are refused, so sendto on one that is there does no harm. Whatever is refused fails with EPERM, so that a library
// which tries it carries on.
template <std::size_t N>
void refuse(const std::array<int, N>& calls) {
  if constexpr (machine == 0) return;
  std::array<sock_filter, 2 * N + 5> program{{
      load(offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, machine, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      load(offsetof(seccomp_data, nr)),
  }};
  std::size_t at = 4;
  for (int number : calls) {
    program[at++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1);
    program[at++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  }
  program[at] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  sock_fprog whole{static_cast<unsigned short>(program.size()), program.data()};
  ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole);
}

// The numbers of the calls that change the names, rights or bytes of files, and may be missing on newer machines.
constexpr std::array changes_of_files {
  SYS_truncate, SYS_renameat2, SYS_unlinkat, SYS_linkat, SYS_symlinkat, SYS_mkdirat, SYS_mknodat, SYS_fchmod, SYS_fchmodat,
      SYS_fchown, SYS_fchownat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr, SYS_utimensat, SYS_openat2,
#if defined(__x86_64__)
      SYS_creat, SYS_rename, SYS_renameat, SYS_unlink, SYS_link, SYS_symlink, SYS_mkdir, SYS_rmdir, SYS_mknod, SYS_chmod,
      SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat,
#endif
};

// The flags are an argument, and so a filter can see them.
void refuse_opening_to_write() {
  if constexpr (machine == 0) return;
  constexpr std::uint32_t writes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
  sock_filter program[] = {
    load(offsetof(seccomp_data, nr)),
#if defined(__x86_64__)
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 0, 2),
    load(offsetof(seccomp_data, args) + 1 * sizeof(std::uint64_t)),
    BPF_JUMP(BPF_JMP | BPF_JA, 2, 0, 0),
#endif
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
    load(offsetof(seccomp_data, args) + 2 * sizeof(std::uint64_t)),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, writes, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog whole{static_cast<unsigned short>(std::size(program)), program};
  ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole);
}

// What both kinds of process are, whatever they are allowed.
void become_humble() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  [[maybe_unused]] int priority = ::nice(5);  // readers are not disturbed (architecture.md 10)
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, 64);
}

}  // namespace

void enter_sandbox(std::uint64_t memory) {
  become_humble();
  ::prctl(PR_SET_DUMPABLE, 0);
  limit(RLIMIT_FSIZE, 256ULL << 20);
  if (!sanitized) {
    limit(RLIMIT_DATA, memory);
    limit(RLIMIT_AS, 4ULL << 30);
    refuse(network_and_rights);
    refuse(programs);
  }
}

void forbid_writing() {
  if (sanitized) return;
  refuse(changes_of_files);
  refuse_opening_to_write();
}

void enter_program_sandbox(const program_limits& l) {
  become_humble();
  limit(RLIMIT_CPU, static_cast<std::uint64_t>(l.cpu.count()));
  limit(RLIMIT_FSIZE, l.output);
  limit(RLIMIT_AS, l.memory);
  refuse(network_and_rights);
}

void allow_cpu(std::chrono::milliseconds more) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  auto seconds = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + 1 +
                 static_cast<rlim_t>(std::chrono::ceil<std::chrono::seconds>(more).count());
  rlimit r{seconds, RLIM_INFINITY};
  ::setrlimit(RLIMIT_CPU, &r);
}

std::uint64_t resident_bytes() {
  std::FILE* f = std::fopen("/proc/self/statm", "re");
  if (f == nullptr) return 0;
  unsigned long long total = 0, resident = 0;
  int got = std::fscanf(f, "%llu %llu", &total, &resident);
  std::fclose(f);
  return got == 2 ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace carrel::publication::isolated

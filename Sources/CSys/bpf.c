#include "csys.h"
#include "result.h"

static int bpf(int command, union bpf_attr *attributes) {
  return RESULT(syscall(SYS_bpf, command, attributes, sizeof *attributes));
}
int csys_bpf_load_device(const void *instructions, unsigned count) {
  union bpf_attr attributes = {0};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = (uint64_t)(uintptr_t)instructions;
  attributes.insn_cnt = count;
  attributes.license = (uint64_t)(uintptr_t) "Apache";
  return bpf(BPF_PROG_LOAD, &attributes);
}
int csys_bpf_cgroup_device(int cgroup, int program, int attach) {
  union bpf_attr attributes = {0};
  attributes.target_fd = (uint32_t)cgroup;
  attributes.attach_bpf_fd = (uint32_t)program;
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = attach ? BPF_F_ALLOW_MULTI : 0;
  return bpf(attach ? BPF_PROG_ATTACH : BPF_PROG_DETACH, &attributes);
}
int csys_bpf_query_device(int cgroup, uint32_t *ids, uint32_t room) {
  union bpf_attr attributes = {0};
  attributes.query.target_fd = (uint32_t)cgroup;
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = (uint64_t)(uintptr_t)ids;
  attributes.query.prog_cnt = room;
  int result = bpf(BPF_PROG_QUERY, &attributes);
  return result < 0 ? result : (int)attributes.query.prog_cnt;
}
int csys_bpf_program(uint32_t id) {
  union bpf_attr attributes = {0};
  attributes.prog_id = id;
  return bpf(BPF_PROG_GET_FD_BY_ID, &attributes);
}

/* All vCPUs page through one tree and edit it, each its own part and, under a lock, a common one */
#include "lib.h"
const u32 boot_2m=0, boot_leaf=7;
#define APIC 0xFEE00000ull
#define TRAMPOLINE 0x8000ull
#define COMMON 0x1000000ull
#define OWN(c) (0x1400000ull+(u64)(c)*0x100000)
static volatile u32 lock, done, count;
void pf_c(u64 cr2,u64 err,u64*fr){ die(0x41); }
extern u8 ap_code[], ap_end[];
__asm__(
".code16\nap_code:\n cli\n xor %ax,%ax\n mov %ax,%ds\n"
" mov $0x20,%eax\n mov %eax,%cr4\n mov $0xC0000080,%ecx\n xor %edx,%edx\n mov $0x900,%eax\n wrmsr\n"
" mov $0x200000,%eax\n mov %eax,%cr3\n mov $0x80010033,%eax\n lgdtl 0x7f10\n mov %eax,%cr0\n"
" ljmpl $0x18,$(0x8000+4f-ap_code)\n.code64\n"
"4: mov $0x10,%ax\n mov %ax,%ss\n mov %ax,%ds\n mov %ax,%es\n mov $1,%edi\n lock xadd %edi,0x7f00\n mov %rdi,%rsp\n shl $12,%rsp\n add $0x1E0000,%rsp\n"
" lidt 0x7f20\n mov 0x7f30,%rax\n call *%rax\n1: hlt\n jmp 1b\nap_end:\n.code64\n");
static void enter(void){ while(__sync_lock_test_and_set(&lock,1)) while(lock) __asm__ volatile("pause"); }
static void leave(void){ __sync_lock_release(&lock); }
void worker(u32 c){
  u32 seed=c*77+1, s=0;
  for(u32 n=0;n<400;n++){
    seed=seed*1103515245u+12345u; u64 va=OWN(c)+((u64)(seed>>8&63)<<12), p=PTE(va);
    if(seed>>20&1){ wr64(p,(0x3000000+((u64)(seed>>9&255)<<12))|7); invlpg(va); } else s=(s^rd8(va))*16777619u;
    wr8(va+n,(u8)n);
    if(n%8==c%8){
      enter();
      u64 cv=COMMON+((u64)(seed>>10&31)<<12);
      wr64(PTE(cv),(0x3200000+((u64)(seed>>11&63)<<12))|7); invlpg(cv); wr8(cv,(u8)n); count++;
      leave();
    }
    if(n%50==0) set_cr3(0x200000);
  }
  __sync_fetch_and_add(&done,1);
}
void main(void){
  idt_init();
  for(u32 i=0;i<(u32)(ap_end-ap_code);i++) wr8(TRAMPOLINE+i,ap_code[i]);
  for(u32 i=0;i<512;i++) wr64(0x2410000+i*8,0);
  wr64(0x201000+24,0x2410003); wr64(0x2410000+((APIC>>21)&511)*8,0xFEE00083|0x18);
  set_cr3(get_cr3());
  wr32(0x7f10,0x3f|((u32)(u64)gdt64<<16)); wr32(0x7f14,(u32)((u64)gdt64>>16));
  wr32(0x7f20,(sizeof idt-1)|((u32)(u64)idt<<16)); wr64(0x7f22,(u64)idt);
  wr64(0x7f30,(u64)worker); wr32(0x7f00,1);
  wr32(APIC+0xf0,0x1ff);
  CK(1);
  wr32(APIC+0x300,0xC4500); while(rd32(APIC+0x300)&0x1000); wr32(APIC+0x300,0xC4608);
  for(u32 i=0;i<2000;i++) __asm__ volatile("pause");
  worker(0);
  while(done<rd32(0x7f00)) __asm__ volatile("pause");
  CK(2);
  put_hex(done); put_hex(count);
}

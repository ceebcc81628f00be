/* Control registers become something else than what is written: bits that are fixed (cr4gp has those that fault) */
#include "lib.h"
const u32 boot_2m=0, boot_leaf=7;
#define PAGE 0x1800000ull
u32 ngp;
void pf_c(u64 cr2,u64 err,u64*fr){ npf++; mix((u32)cr2); mix((u32)err); die(0x41); }
__attribute__((naked)) static void gp_stub(void){ __asm__("push %rax; push %rcx; incl ngp(%rip); mov 24(%rsp),%rcx; add $3,%rcx; mov %rcx,24(%rsp); pop %rcx; pop %rax; add $8,%rsp; iretq"); }
static inline ux real_cr4(void){ ux v; __asm__ volatile("mov %%cr4,%0":"=r"(v)); return v; }
static inline ux real_cr0(void){ ux v; __asm__ volatile("mov %%cr0,%0":"=r"(v)); return v; }
static inline void put_cr4(ux v){ __asm__ volatile("mov %0,%%cr4"::"a"(v):"memory"); }
static inline void put_cr0(ux v){ __asm__ volatile("mov %0,%%cr0"::"a"(v):"memory"); }
void main(void){
  idt_init(); gate(13,(u8*)gp_stub,0);
  CK(1);
  for(u32 i=0;i<8;i++){
    put_cr0((real_cr0()&~0x10ull)^(i&1?1<<16:0)); mix((u32)real_cr0());   /* ET is fixed */
    wr8(PAGE+i*4096,i); mix(rd8(PAGE+i*4096));
    put_cr4(0x20|(i&1?1<<7:0)); mix((u32)real_cr4());
    mix(rd8(PAGE+i*4096));
  }
  CK(2);
  put_hex(ngp); put_hex(sum);
}

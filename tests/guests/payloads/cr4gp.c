/* CR4 as it may not be written: LA57 turned in long mode, and bits that no CPU has. A CPU answers with #GP and leaves the
   register as it was. QEMU 10 does so for the first; for the second it makes a #VMEXIT though no guest of this guest runs,
   and loads what VM_HSAVE_PA leads to: here another root and other bits of CR4, one instruction further on. */
#include "lib.h"
const u32 boot_2m=0, boot_leaf=7;
#define PAGE 0x1800000ull
#define HSAVE 0x1700000ull
#define TOP 0x1600000ull                 /* the other root: pages above PAGE are one further on */
#define VM_HSAVE_PA 0xC0010117u
u32 ngp, nexit;
void pf_c(u64 cr2,u64 err,u64*fr){ npf++; die(0x41); }
__attribute__((naked)) static void gp_stub(void){ __asm__("push %rax; incl ngp(%rip); addq $3,16(%rsp); pop %rax; add $8,%rsp; iretq"); }
static inline ux real_cr4(void){ ux v; __asm__ volatile("mov %%cr4,%0":"=r"(v)); return v; }
static inline void put_cr4(ux v){ __asm__ volatile("mov %0,%%cr4"::"a"(v):"memory"); }
static void look(void){ for(u32 i=0;i<16;i++){ mix(rd8(PAGE+i*4096)); wr8(PAGE+i*4096+9,i); } }
static void segment(u32 at,u32 selector,u32 flags){ wr32(HSAVE+at,selector|flags<<16); wr32(HSAVE+at+4,~0u); }
static void host_state(ux cr4){
  u8 gdt[16], idt[16]; __asm__ volatile("sgdt %0; sidt %1":"=m"(gdt),"=m"(idt));
  segment(0x400,0x10,0xc93); segment(0x410,0x18,0xa9b); segment(0x420,0x10,0xc93); segment(0x430,0x10,0xc93);
  wr64(HSAVE+0x464,*(u16*)gdt); wr64(HSAVE+0x468,*(u64*)(gdt+2)); wr64(HSAVE+0x484,*(u16*)idt); wr64(HSAVE+0x488,*(u64*)(idt+2));
  wr64(HSAVE+0x4d0,0xd00); wr64(HSAVE+0x548,cr4); wr64(HSAVE+0x550,TOP); wr64(HSAVE+0x558,0x80010033); wr64(HSAVE+0x570,2);
}
__attribute__((noinline)) static void put_reserved(ux v){
  __asm__ volatile("lea 1f(%%rip),%%rax; mov %%rax,0x578(%1); mov %%rsp,0x5d8(%1); mov %0,%%cr4; jmp 2f\n"
                   "1: incl nexit(%%rip)\n2:"::"r"(v),"r"(HSAVE):"rax","memory","cc");
}
void main(void){
  idt_init(); gate(13,(u8*)gp_stub,0);
  for(u32 i=0;i<4096;i+=8) wr64(HSAVE+i,0);
  for(u32 i=0;i<17;i++) wr8(PAGE+i*4096,i+1);
  for(u32 i=0;i<512*4;i++) wr64(TOP+i*8,0);
  for(u32 i=0;i<512;i++) wr64(TOP+0x2000+i*8,rd64(0x202000+i*8));
  wr64(TOP,(TOP+0x1000)|7); wr64(TOP+0x1000,(TOP+0x2000)|7); wr64(TOP+0x2000+((PAGE>>21)&511)*8,(TOP+0x3000)|7);
  for(u32 i=0;i<511;i++) wr64(TOP+0x3000+i*8,rd64(PTE(PAGE)+i*8+8));
  CK(1);
  look();
  for(u32 i=0;i<4;i++){ put_cr4(0x20|(i&1?1<<7:0)); look(); put_cr4(0x1020|(i&1?1<<7:0)); mix((u32)real_cr4()); look(); }   /* #GP */
  CK(2);
  __asm__ volatile("wrmsr; nop"::"c"(VM_HSAVE_PA),"a"((u32)HSAVE),"d"(0));
  host_state(0x20|1<<7|1<<4);
  put_cr4(0x20);
  put_reserved(0x20|1ull<<40);
  mix((u32)real_cr4()); look();
  put_cr4(0x20|1<<7); look();
  set_cr3(0x200000); look();
  CK(3);
  put_hex(ngp); put_hex(nexit); put_hex(sum);
}

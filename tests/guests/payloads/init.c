/* A second vCPU that pages through a map of its own is taken back by INIT, and runs on from SIPI in real mode; then the
   first leaves through a triple fault, with paging on, and all starts over once */
#include "lib.h"
const u32 boot_2m=0, boot_leaf=7;
#define APIC 0xFEE00000ull
#define TRAMPOLINE 0x8000ull
#define MAGIC 0x3F00000ull               /* outlives a reset */
#define TOP 0x2400000ull
void pf_c(u64 cr2,u64 err,u64*fr){ npf++; die(0x41); }
extern u8 ap_code[], ap_end[];
__asm__(
".code16\nap_code:\n cli\n xor %ax,%ax\n mov %ax,%ds\n mov %ax,%ss\n mov $0x7000,%sp\n"
" mov $0x9000,%bx\n mov $64,%cx\n1: incw (%bx)\n add $64,%bx\n loop 1b\n"            /* real mode, identity */
" cmpw $1,0x7f00\n je 2f\n"
"3: incw 0x7f02\n hlt\n jmp 3b\n"
"2: mov $0x20,%eax\n mov %eax,%cr4\n mov $0xC0000080,%ecx\n xor %edx,%edx\n mov $0x100,%eax\n wrmsr\n"
" mov $0x2400000,%eax\n mov %eax,%cr3\n mov $0x80000011,%eax\n lgdtl 0x7f10\n mov %eax,%cr0\n"
" ljmpl $0x18,$(0x8000+4f-ap_code)\n.code64\n"
"4: mov $0x9000,%rbx\n mov $256,%ecx\n5: incb (%rbx)\n add $16,%rbx\n loop 5b\n incw 0x7f02\n6: pause\n incl 0x9004\n jmp 6b\n"
"ap_end:\n.code64\n");
static void ap_tables(void){             /* 0x8000 and 0x7000 where they are, 0x9000 elsewhere */
  for(u32 i=0;i<4*512;i++) wr64(TOP+i*8,0);
  wr64(TOP,(TOP+0x1000)|3); wr64(TOP+0x1000,(TOP+0x2000)|3); wr64(TOP+0x2000,(TOP+0x3000)|3);
  for(u32 i=0;i<512;i++) wr64(TOP+0x3000+i*8,(i==9?0x2500000ull:(u64)i<<12)|3);
}
static void wait(u16 n){ while(*(volatile u16*)0x7f02!=n) __asm__ volatile("pause"); }
static void ipi(u32 v){ wr32(APIC+0x310,1<<24); wr32(APIC+0x300,v); while(rd32(APIC+0x300)&0x1000); }
static void start(u16 mode){ u16 n=*(volatile u16*)0x7f02; *(volatile u16*)0x7f00=mode; ipi(0x4500); ipi(0x4608); wait(n+1); }
void main(void){
  idt_init();
  for(u32 i=0;i<(u32)(ap_end-ap_code);i++) wr8(TRAMPOLINE+i,ap_code[i]);
  wr64(0x202000+(0xFEEull<<20>>21)*0,rd64(0x202000)); /* the APIC: PDPT[3] of its own */
  for(u32 i=0;i<512;i++){ wr64(0x2410000+i*8,0); }
  wr64(0x201000+24,0x2410003); wr64(0x2410000+((0xFEE00000ull>>21)&511)*8,0xFEE00083|0x18);
  set_cr3(get_cr3());
  wr32(0x7f10,0x3f|((u32)(u64)gdt64<<16)); wr32(0x7f14,(u32)((u64)gdt64>>16)); wr32(0x7f00,0);
  for(u32 i=0;i<4096;i+=4) wr32(0x9000+i,0), wr32(0x2500000+i,0);
  ap_tables(); wr32(APIC+0xf0,0x1ff);
  CK(1);
  for(u32 r=0;r<4;r++){ start(0); start(1); }
  start(0);
  for(u32 i=0;i<4096;i+=64) mix(rd8(0x9000+i));
  for(u32 i=64;i<4096;i+=16) mix(rd8(0x2500000+i));
  CK(2);
  if(rd32(MAGIC)!=0x600D){               /* 0x9000 is elsewhere for this one, too, when it triple-faults */
    wr32(MAGIC,0x600D); wr64(PTE(0x9000),0x2500003); invlpg(0x9000); wr8(0x9000,1);
    struct __attribute__((packed)){u16 l;u64 b;} d={0,0};
    __asm__ volatile("lidt %0; int3"::"m"(d));
  }
  put_hex(sum);
}

/* System management mode: an interrupt of the chipset takes the CPU, paging on, to code in SMRAM, which only this mode
   sees: stores there, to other memory, then paging through tables of its own in ordinary RAM and in SMRAM, and RSM.
   Machine `pc` (i440FX, PIIX4) with SeaBIOS, which has moved SMBASE to 0xa0000. */
#include "lib.h"
const u32 boot_2m=0, boot_leaf=7;
#define PAGE 0x1800000ull
#define SMRAM 0xa0000ull
#define HANDLER (SMRAM+0x8000)
#define TOP 0x1600000ull                 /* tables of the handler; the second is in SMRAM */
#define TOP2 0xac000ull
void pf_c(u64 cr2,u64 err,u64*fr){ npf++; die(0x41); }
static inline void outl(u16 p,u32 v){ __asm__ volatile("outl %0,%w1"::"a"(v),"Nd"(p):"memory"); }
extern u8 smi[], smi_end[];
__asm__(
".code16\nsmi:\n"
" mov $0xa9000,%ebx\n incl (%ebx)\n mov $0x9000,%ebx\n incl (%ebx)\n"                                   /* SMRAM, and the frame of 0x9000 in RAM */
" mov $0xa9100,%ebx\n mov $32,%cx\n1: incb (%ebx)\n add $8,%ebx\n loop 1b\n"
" mov $0xa8f00,%ebx\n lgdtl (%ebx)\n mov $0x10,%eax\n mov %eax,%cr4\n mov 8(%ebx),%eax\n mov %eax,%cr3\n mov $0x80000011,%eax\n mov %eax,%cr0\n"
" ljmpl $0x08,$(0xa8000+2f-smi)\n.code32\n"
"2: mov $0x10,%eax\n mov %eax,%ds\n incl 0xa9004\n incl 0x809000\n xorl $0x1000,0x20f000\n" /* 8 MiB: 4 MiB page to 24 MiB; a table of the others */
" mov $0x801000,%ebx\n mov $32,%ecx\n3: incb (%ebx)\n add $4096,%ebx\n loop 3b\n rsm\n"
"smi_end:\n.code64\n");
static void smram(u8 v){ outl(0xcf8,0x80000070); outb(0xcfe,v); }
void main(void){
  idt_init();
  for(u32 i=0;i<16;i++) wr64(PTE(SMRAM+i*4096),(SMRAM+i*4096)|0x1f);
  set_cr3(get_cr3());
  for(u32 i=0;i<64;i++) wr8(PAGE+i*4096,i);
  smram(0x4a);                           /* open */
  for(u32 i=0;i<4096;i+=4) wr32(HANDLER+i,0), wr32(0xa9000+i,0), wr32(TOP2+i,0), wr32(TOP+i,0);
  for(u32 i=0;i<(u32)(smi_end-smi);i++) wr8(HANDLER+i,smi[i]);
  wr32(0xa8f00,0x3f|((u32)(u64)gdt64<<16)); wr32(0xa8f04,(u32)((u64)gdt64>>16));
  wr32(0xa8f08,TOP);
  wr32(TOP,0x83); wr32(TOP+8,0x1800083); wr32(TOP2,0x83); wr32(TOP2+8,0x1c00083);
  smram(0x0a);                           /* only for system management mode */
  wr32(0x9000,0);
  CK(1);
  for(u32 i=0;i<8;i++){
    if(i&1) mix(rd8(0xa9000));            /* outside, this is video memory */
    outb(0xb2,1);
    wr64(PTE(0x9000),i&1?0x9003:0x2500003); invlpg(0x9000); mix(rd32(0x9000));
    invlpg(PAGE);
    for(u32 j=0;j<64;j++) mix(rd8(PAGE+j*4096+j%2));
    if(i==3){ smram(0x4a); wr32(0xa8f08,TOP2); mix(rd32(0xa9000)); smram(0x0a); }
  }
  wr64(PTE(0x9000),0x9003); invlpg(0x9000);
  CK(2);
  smram(0x4a); mix(rd32(0xa9000)); mix(rd32(0xa9004)); put_hex(rd32(0xa9000)); put_hex(rd32(0xa9004)); put_hex(rd32(0x9000)); smram(0x0a);
  put_hex(sum);
}
